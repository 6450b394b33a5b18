"""How the objects of a release do: what is missing, what somebody changed, what is not ready yet and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from livekit_deploy.k8s.client import Api, Obj

_REVISION = "deployment.kubernetes.io/revision"
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


def unready(api: Api, deployment: Obj) -> str:
    """Why a Deployment is not ready, "" when it is: its newest ReplicaSet's pods that have a node must be ready.

    Older pods that drain calls, for hours, do not count, nor do the new ones that wait for their nodes meanwhile.
    """
    metadata, status = deployment["metadata"], deployment.get("status") or {}
    name, want = metadata["name"], deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < metadata["generation"]:
        return f"{name}: the change is not seen yet"
    if not want:
        return ""
    pods, draining = _pods(api, deployment)
    ready = sum(1 for pod in pods if _is_ready(pod))
    placed = sum(1 for pod in pods if pod["spec"].get("nodeName"))
    if pods and ready == placed and (draining or (placed and len(pods) >= want)):
        return ""
    return f"{name}: {ready}/{want} pods ready" + (f", {why}" if (why := _waiting(pods)) else "")


def has_endpoints(api: Api, namespace: str, service: str) -> bool:
    """Whether a ready pod is behind a Service (Kubernetes, "EndpointSlices"): readiness that nobody tells counts."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    slices = api.list(path, f"kubernetes.io/service-name={service}")
    points = (point for one in slices for point in one.get("endpoints") or [])
    return any((point.get("conditions") or {}).get("ready") is not False for point in points)


def _pods(api: Api, deployment: Obj) -> tuple[list[Obj], bool]:
    """The pods of its newest ReplicaSet, and whether older ones are still on their way out."""
    namespace, uid = deployment["metadata"]["namespace"], deployment["metadata"]["uid"]
    sets = [one for one in api.list(f"/apis/apps/v1/namespaces/{namespace}/replicasets") if _owned(one, uid)]
    if not sets:
        return [], False
    newest = max(sets, key=lambda one: int((one["metadata"].get("annotations") or {}).get(_REVISION, 0)))
    pods = api.list(f"/api/v1/namespaces/{namespace}/pods")
    new = [pod for pod in pods if _owned(pod, newest["metadata"]["uid"]) and not _leaving(pod)]
    older = (pod for pod in pods for one in sets if one is not newest and _owned(pod, one["metadata"]["uid"]))
    return new, any(_leaving(pod) for pod in older)


def _owned(item: Obj, uid: str) -> bool:
    return any(one["uid"] == uid for one in item["metadata"].get("ownerReferences") or [])


def _leaving(item: Obj) -> bool:
    return bool(item["metadata"].get("deletionTimestamp"))


def _is_ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _waiting(pods: list[Obj]) -> str:
    """The reason of the first pod that waits for something."""
    for pod in pods:
        status = pod.get("status") or {}
        for one in status.get("conditions") or []:
            if one["type"] == "PodScheduled" and one["status"] == "False":
                return str(one.get("message", "unschedulable"))
        for container in status.get("containerStatuses") or []:
            waiting = (container.get("state") or {}).get("waiting") or {}
            if waiting.get("reason") not in (None, "ContainerCreating"):
                return f"{waiting['reason']} {waiting.get('message', '')}".strip()
    return ""
