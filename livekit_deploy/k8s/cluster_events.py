"""Reads the events of a namespace's objects.

Source: Kubernetes API reference, Event (v1 core).
"""

from __future__ import annotations

from dataclasses import dataclass

from livekit_deploy.k8s.access.client import Api, Obj


@dataclass(frozen=True)
class ClusterEvent:
    """One Event; ``at`` is when it was seen last, in UTC, RFC 3339, ``about`` is ``pod/NAME``, ``source`` tells it."""

    at: str
    type: str
    reason: str
    about: str
    message: str
    count: int
    source: str


def events(api: Api, namespace: str) -> list[ClusterEvent]:
    """The events that the cluster still has (an hour's, on EKS), the newest last."""
    found = sorted(api.list(f"/api/v1/namespaces/{namespace}/events"), key=_order)
    return [_event(item) for item in found]


def _order(item: Obj) -> tuple[str, int]:
    return _seen(item)[:19], int(item["metadata"]["resourceVersion"])


def _seen(item: Obj) -> str:
    """Recorders of the old kind write lastTimestamp, those of the new one eventTime, and series when it continues."""
    last = (item.get("series") or {}).get("lastObservedTime") or item.get("lastTimestamp") or item.get("eventTime")
    return str(last or item["metadata"]["creationTimestamp"])


def _event(item: Obj) -> ClusterEvent:
    about = item["involvedObject"]
    return ClusterEvent(
        at=f"{_seen(item)[:19]}Z",
        type=str(item.get("type") or ""),
        reason=str(item.get("reason") or ""),
        about=f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        message=str(item.get("message") or "").strip(),
        count=int((item.get("series") or {}).get("count") or item.get("count") or 1),
        source=str(item.get("reportingComponent") or (item.get("source") or {}).get("component") or ""),
    )
