"""The kubelet: pods start a while after they were bound, unless what they mount is missing, and end when asked."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.sandbox.cluster.controllers.world import Obj, World, condition, labels_of, leaving, name_of
from livekit_deploy.sandbox.cluster.sayings import first_lines
from livekit_deploy.sandbox.cluster.store import now
from livekit_deploy.sandbox.faults.catalogue import CATALOGUE
from livekit_deploy.sandbox.faults.plan import KUBERNETES, START_POD, Call, current

#: AWS's seconds until a pod that was bound is ready, and the most that one takes to end
START, LONGEST_END = 8.0, 2.0
KUBELET = "kubelet"


def run(world: World) -> None:
    """One step for every pod that has a node, or never got one and is to go."""
    for pod in world.items("pods"):
        if leaving(pod):
            _end(world, pod)
        elif (fault := _crash(pod)) is not None:
            _crashes(world, pod, fault)
        elif pod["spec"].get("nodeName"):
            _start(world, pod)


def _crash(pod: Obj) -> str | None:
    """Why the fault plan does not let its containers run."""
    fault = current.strike(Call(KUBERNETES, START_POD, {"app": labels_of(pod).get("app.kubernetes.io/name", "")}))
    return (fault.message or CATALOGUE[fault.fault].message) if fault is not None else None


def _end(world: World, pod: Obj) -> None:
    metadata = pod["metadata"]
    if (pod.get("status") or {}).get("phase") == "Running":
        for one in pod["spec"]["containers"]:
            world.tell(pod, "Killing", f"Stopping container {one['name']}", source=KUBELET)
    seconds = min(float(metadata.get("deletionGracePeriodSeconds") or 0), LONGEST_END)
    if not metadata.get("finalizers") and world.due(("end", metadata["uid"]), seconds):
        world.store.finish(world.store.named("pods"), pod)


def _start(world: World, pod: Obj) -> None:
    status = pod.get("status") or {}
    if status.get("phase") != "Pending":
        return
    missing = next(_missing(world, pod), None)
    if missing is not None:
        _waits(world, pod, "CreateContainerConfigError", missing)
        world.tell(pod, "Failed", f"Error: {missing}", source=KUBELET, warning=True)
    elif world.due(("start", pod["metadata"]["uid"]), START):
        _runs(world, pod)
    else:
        _waits(world, pod, "ContainerCreating", "")


def _missing(world: World, pod: Obj) -> Iterator[str]:
    """What it refers to and is not there."""
    namespace = name_of(pod)[0]
    for plural, name in _references(pod["spec"]):
        if world.store.find(world.store.named(plural), namespace, name) is None:
            yield f'{plural[:-1]} "{name}" not found'


def _references(spec: Obj) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes") or []:
        if (secret := volume.get("secret")) and not secret.get("optional"):
            yield "secrets", secret["secretName"]
        if (config := volume.get("configMap")) and not config.get("optional"):
            yield "configmaps", config["name"]
    for container in spec["containers"]:
        for variable in container.get("env") or []:
            source = variable.get("valueFrom") or {}
            for key, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
                if key in source and not source[key].get("optional"):
                    yield plural, source[key]["name"]


def _names(pod: Obj) -> list[Obj]:
    return [{"name": one["name"], "image": one.get("image", ""), "imageID": ""} for one in pod["spec"]["containers"]]


def _crashes(world: World, pod: Obj, why: str) -> None:
    """Its containers ran once and ended at once, and wait for their next try."""
    moment = pod["metadata"]["creationTimestamp"]
    ended = {"exitCode": 1, "reason": "Error", "startedAt": moment, "finishedAt": moment}
    _waits(world, pod, "CrashLoopBackOff", why, {"restartCount": 1, "lastState": {"terminated": ended}})
    if world.store.logs.lines(pod["metadata"]["uid"]) is None:
        _tell_of_start(world, pod)
        world.store.logs.say(pod["metadata"]["uid"], why)
    for one in pod["spec"]["containers"]:
        said = f"Back-off restarting failed container {one['name']} in pod {name_of(pod)[1]}"
        world.tell(pod, "BackOff", said, source=KUBELET, warning=True)


def _waits(world: World, pod: Obj, reason: str, message: str, before_that: Obj | None = None) -> None:
    waiting = {"reason": reason} | ({"message": message} if message else {})
    past = before_that or {"restartCount": 0}
    containers = [{**one, "ready": False, **past, "state": {"waiting": waiting}} for one in _names(pod)]
    before = pod["status"].get("conditions")
    conditions = [
        condition("PodScheduled", True, "Scheduled", before=before),
        condition("Ready", False, "ContainersNotReady", message, before),
    ]
    status = {"phase": "Pending", "conditions": conditions, "containerStatuses": containers}
    world.status(world.store.named("pods"), pod, status)


def _runs(world: World, pod: Obj) -> None:
    once = pod["spec"].get("restartPolicy") in ("Never", "OnFailure")
    node = world.store.get(world.store.named("nodes"), None, pod["spec"]["nodeName"])
    host = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
    own = host if pod["spec"].get("hostNetwork") else _address(host, pod["metadata"]["uid"])
    state = {"terminated": {"exitCode": 0, "reason": "Completed"}} if once else {"running": {"startedAt": now()}}
    kinds = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    status = {
        "phase": "Succeeded" if once else "Running",
        "hostIP": host,
        "podIP": own,
        "podIPs": [{"ip": own}],
        "startTime": now(),
        "conditions": [
            condition(kind, not once or kind == "PodScheduled", "PodCompleted" if once else "") for kind in kinds
        ],
        "containerStatuses": [
            {**one, "ready": not once, "started": not once, "restartCount": 0, "state": state} for one in _names(pod)
        ],
    }
    world.status(world.store.named("pods"), pod, status)
    _tell_of_start(world, pod)
    for line in first_lines(pod, host):
        world.store.logs.say(pod["metadata"]["uid"], line)


def _tell_of_start(world: World, pod: Obj) -> None:
    for one in pod["spec"]["containers"]:
        present = f'Container image "{one.get("image", "")}" already present on machine'
        world.tell(pod, "Pulled", present, source=KUBELET)
        world.tell(pod, "Created", f"Created container: {one['name']}", source=KUBELET)
        world.tell(pod, "Started", f"Started container {one['name']}", source=KUBELET)


def _address(host: str, uid: str) -> str:
    """An address of the node's network, as the VPC CNI would give it."""
    number = int(uid[:4], 16)
    first, second, *_ = host.split(".")
    return f"{first}.{second}.{200 + number % 50}.{number % 250 + 1}"
