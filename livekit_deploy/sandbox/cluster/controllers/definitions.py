"""Custom resource definitions: established, served a moment later, and deleted with all their objects.

Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions"; a cluster has several API servers, and
each serves a kind only once it has seen that its definition is established.
"""

from __future__ import annotations

from livekit_deploy.sandbox.cluster.objects.deletion import DEFINITION_FINALIZER
from livekit_deploy.sandbox.cluster.objects.kinds import Kind
from livekit_deploy.sandbox.cluster.world import Obj, World, condition, leaving

#: AWS's seconds until every API server serves what is established
SERVED = 2.0


def run(world: World) -> None:
    """One step for every definition."""
    kind = world.store.named("customresourcedefinitions", "apiextensions.k8s.io")
    for item in world.store.items(kind):
        if leaving(item):
            _end(world, kind, item)
        elif not (item["status"].get("conditions") or ()):
            _establish(world, kind, item)
        elif not world.store.serves(item) and world.due(("serve", item["metadata"]["uid"]), SERVED):
            world.store.register(item)


def _establish(world: World, kind: Kind, item: Obj) -> None:
    conditions = [
        condition("NamesAccepted", True, "NoConflicts", "no conflicts found"),
        condition("Established", True, "InitialNamesAccepted", "the initial names have been accepted"),
    ]
    world.status(kind, item, {**item["status"], "acceptedNames": item["spec"]["names"], "conditions": conditions})


def _end(world: World, kind: Kind, item: Obj) -> None:
    """Delete its objects; those that finalizers hold keep it."""
    before = [one for one in item["status"].get("conditions") or () if one["type"] != "Terminating"]
    ending = condition("Terminating", True, "InstanceDeletionInProgress", "CustomResource deletion is in progress")
    if not any(one["type"] == "Terminating" for one in item["status"].get("conditions") or ()):
        world.status(kind, item, {**item["status"], "conditions": [*before, ending]})
        return
    defined = [one for one in world.store.stored() if one.storage == _storage(item)]
    held = False
    for own in defined:
        for other in world.store.items(own):
            held |= not world.store.delete(own, other)[1]
    finalizers = item["metadata"].get("finalizers") or []
    if not held and DEFINITION_FINALIZER in finalizers:
        world.change(kind, item, finalizers=[one for one in finalizers if one != DEFINITION_FINALIZER])


def _storage(item: Obj) -> tuple[str, str]:
    return item["spec"]["group"], item["spec"]["names"]["plural"]
