"""The health of a release's objects: what is missing, what somebody changed, what has no endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from livekit_deploy.k8s.access.client import Api, Obj

_NOT_COMPARED = ("apiVersion", "kind", "status")


def live_objects(api: Api, manifest: list[Obj], namespace: str) -> list[tuple[Obj, Obj | None]]:
    """Each object of a manifest with what is there of it."""
    found = []
    for item in manifest:
        metadata = item["metadata"]
        path = api.path(item["apiVersion"], item["kind"], metadata.get("namespace") or namespace, metadata["name"])
        found.append((item, api.get(path) if path else None))
    return found


def named(item: Obj) -> str:
    """``Deployment/livekit``"""
    return f"{item['kind']}/{item['metadata']['name']}"


def drift(wanted: Obj, live: Obj, scaled: bool) -> Iterator[str]:
    """The fields of a manifest that are not so in the cluster; ``scaled`` leaves replicas to an autoscaler.

    But for none at all, which switches the autoscaler off (Kubernetes, "Horizontal Pod Autoscaling").
    What a Secret holds is not read here, and webhooks get their certificates from controllers.
    """
    kind = wanted["kind"]
    for key, want in wanted.items():
        if key == "metadata":
            for part in ("labels", "annotations"):
                yield from _differing(f"metadata.{part}", want.get(part) or {}, live["metadata"].get(part) or {})
        elif key not in _NOT_COMPARED and kind != "Secret" and not kind.endswith("WebhookConfiguration"):
            fields = _differing(key, want, live.get(key))
            theirs = scaled and key == "spec" and live["spec"].get("replicas")
            yield from (one for one in fields if not (theirs and one == "spec.replicas"))


def _differing(path: str, want: Any, have: Any) -> Iterator[str]:
    """Where ``have`` lacks what ``want`` says; what the API server adds does not count."""
    if have is None and not want:
        return  # the API leaves out what is empty
    if isinstance(want, Mapping):
        if not isinstance(have, Mapping):
            yield path
            return
        for key, value in want.items():
            yield from _differing(f"{path}.{key}", value, have.get(key))
    elif isinstance(want, list):
        if not isinstance(have, list) or len(have) < len(want):
            yield path
            return
        for number, (one, other) in enumerate(zip(want, have, strict=False)):
            yield from _differing(f"{path}[{number}]", one, other)
    elif not _equal(want, have):
        yield path


def _equal(want: Any, have: Any) -> bool:
    """Quantities and numbers are written in more than one way: ``1`` and ``1000m``, ``5`` and ``"5"``."""
    if want is None or want == have or str(want) == str(have):
        return True
    try:
        return bool(parse_quantity(want) == parse_quantity(have))
    except ValueError:
        return False


def has_endpoints(api: Api, namespace: str, service: str) -> bool:
    """Whether a ready pod is behind a Service (Kubernetes, "EndpointSlices"): readiness that nobody tells counts."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    slices = api.list(path, f"kubernetes.io/service-name={service}")
    points = (point for one in slices for point in one.get("endpoints") or [])
    return any((point.get("conditions") or {}).get("ready") is not False for point in points)
