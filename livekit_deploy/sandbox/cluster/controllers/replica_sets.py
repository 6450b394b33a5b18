"""ReplicaSets: as many pods as they want, and their status."""

from __future__ import annotations

import uuid

from livekit_deploy.sandbox.cluster.controllers import bindings
from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.world import (
    MANAGER,
    Obj,
    World,
    condition,
    is_ready,
    labels_of,
    leaving,
    name_of,
    owned_by,
    owner_reference,
)

_SETS = "replicaset-controller"


def run(world: World) -> None:
    """One step for every ReplicaSet."""
    for replica_set in world.items("replicasets", "apps"):
        if not leaving(replica_set):
            _replica_set(world, replica_set)


def pods_of(world: World, replica_set: Obj) -> list[Obj]:
    """Its pods but for those that are leaving."""
    return [pod for pod in world.items("pods") if owned_by(pod, replica_set) and not leaving(pod)]


def is_available(world: World, owner: Obj, pod: Obj) -> bool:
    """Whether it has been ready for ``minReadySeconds``."""
    seconds = float(owner["spec"].get("minReadySeconds") or 0)
    return is_ready(pod) and (not seconds or world.lasted(("available", pod["metadata"]["uid"], str(seconds)), seconds))


def _refused(world: World, replica_set: Obj, count: int) -> str:
    """Make so many pods more; why the API refuses one, "" when it does not."""
    namespace, name = name_of(replica_set)
    for _ in range(count):
        template = copied(replica_set["spec"]["template"])
        metadata = dict(template.get("metadata") or {})
        metadata |= {"name": f"{name}-{uuid.uuid4().hex[:5]}", "ownerReferences": owner_reference(replica_set)}
        if gates := bindings.gates(world.store, namespace, metadata.get("labels") or {}):
            template["spec"]["readinessGates"] = [*(template["spec"].get("readinessGates") or []), *gates]
        pod = {"metadata": metadata, "spec": template["spec"]}
        try:
            made = world.store.create(world.store.named("pods"), namespace, pod, MANAGER)
        except ApiError as error:
            world.tell(replica_set, "FailedCreate", f"Error creating: {error}", source=_SETS, warning=True)
            return str(error)
        world.tell(replica_set, "SuccessfulCreate", f"Created pod: {name_of(made)[1]}", source=_SETS)
    return ""


def _replica_set(world: World, replica_set: Obj) -> None:
    namespace, name = name_of(replica_set)
    want, pods, kind = replica_set["spec"]["replicas"], pods_of(world, replica_set), world.store.named("pods")
    refused = _refused(world, replica_set, want - len(pods))
    for pod in sorted(pods, key=is_ready)[: max(len(pods) - want, 0)]:
        world.store.delete(kind, pod)
        world.tell(replica_set, "SuccessfulDelete", f"Deleted pod: {name_of(pod)[1]}", source=_SETS)
    pods = pods_of(world, replica_set)
    ready = sum(1 for pod in pods if is_ready(pod))
    labels = labels_of(replica_set)
    status = {
        "observedGeneration": replica_set["metadata"]["generation"],
        "replicas": len(pods),
        "fullyLabeledReplicas": sum(1 for pod in pods if labels.items() <= labels_of(pod).items()),
        "readyReplicas": ready,
        "availableReplicas": sum(1 for pod in pods if is_available(world, replica_set, pod)),
        "terminatingReplicas": sum(1 for pod in world.items("pods") if owned_by(pod, replica_set) and leaving(pod)),
    }
    if refused:
        before = (replica_set.get("status") or {}).get("conditions")
        status["conditions"] = [condition("ReplicaFailure", True, "FailedCreate", refused, before)]
    found = world.store.find(world.store.named("replicasets", "apps"), namespace, name)
    if found is not None:
        world.status(world.store.named("replicasets", "apps"), found, status)
