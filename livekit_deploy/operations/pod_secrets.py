"""Tells which version of a secret each LiveKit pod was started with; a draining pod keeps an old one for hours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from livekit_deploy.k8s.access.client import Api, Obj
from livekit_deploy.provisioners.addresses import LIVEKIT

_LABEL = f"app.kubernetes.io/instance={LIVEKIT}"
_PODS, _APPS = f"/api/v1/namespaces/{LIVEKIT}/pods", f"/apis/apps/v1/namespaces/{LIVEKIT}"
_ANNOTATION = "secret-version/"


@dataclass(frozen=True)
class Holders:
    """The pods by whether they have one version of a secret: ``present`` do. Of the others ``draining`` end their calls
    by ``until`` (UTC, ISO 8601) and ``running`` were not asked to end; ``rolling`` says that they will be. ``gone`` is
    how many seconds ago the last of the others can have ended, None for never."""

    present: int = 0
    draining: int = 0
    running: int = 0
    until: str = ""
    rolling: bool = False
    gone: float | None = None

    @property
    def others(self) -> int:
        return self.draining + self.running


def versions(api: Api, secret: str) -> list[str]:
    """The version that each pod was started with, "" where it does not say."""
    return [_version(pod, secret) for pod in api.list(_PODS, _LABEL)]


def holders(api: Api, secret: str, version: str) -> Holders:
    """The pods by whether they were started with ``version`` of a secret."""
    pods = api.list(_PODS, _LABEL)
    others = [pod for pod in pods if _version(pod, secret) != version]
    leaving = [pod["metadata"]["deletionTimestamp"] for pod in others if pod["metadata"].get("deletionTimestamp")]
    wanted = [one["spec"]["template"] for one in api.list(f"{_APPS}/deployments", _LABEL)]
    last = max(_signs_of_end(api, pods, secret, version), default=None)
    return Holders(
        present=len(pods) - len(others),
        draining=len(leaving),
        running=len(others) - len(leaving),
        until=max(leaving, default=""),
        rolling=all(_version(one, secret) == version for one in wanted),
        gone=None if last is None else (datetime.now(UTC) + api.ahead - last).total_seconds(),
    )


def other_holders(kube: Callable[[], Api] | None) -> Callable[[str, str], str]:
    """Asks which pods have another version of a secret: in words, "" for none, and where there is no LiveKit."""

    def others(secret: str, version: str) -> str:
        pods = kube().list(_PODS, _LABEL) if kube is not None else []
        found = [pod for pod in pods if _version(pod, secret) not in ("", version)]
        until = max((pod["metadata"].get("deletionTimestamp", "") for pod in found), default="")
        drain = f", and drain calls until {until}" if until else ""
        return f"{len(found)} {'pod has' if len(found) == 1 else 'pods have'} an earlier one{drain}" if found else ""

    return others


def _version(item: Obj, secret: str) -> str:
    return str((item["metadata"].get("annotations") or {}).get(f"{_ANNOTATION}{secret}", ""))


def _signs_of_end(api: Api, pods: list[Obj], secret: str, version: str) -> Iterator[datetime]:
    """Moments after which there was no pod of another version: nobody keeps when a pod ended.

    A pod starts where one has ended, and a ReplicaSet counts those of its pods that are ending (Kubernetes 1.35, before
    that only those that were not asked to).
    """
    for pod in pods:
        if _version(pod, secret) == version:
            yield datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    for one in api.list(f"{_APPS}/replicasets", _LABEL):
        if _version(one["spec"]["template"], secret) != version:
            for entry in one["metadata"].get("managedFields") or []:
                if entry.get("subresource") == "status":
                    yield datetime.fromisoformat(entry["time"])
