"""Starts a container: collects its environment, files and arguments, and runs its image's program."""

from __future__ import annotations

from livekit_deploy.sandbox.cluster.containers.livekit import server
from livekit_deploy.sandbox.cluster.containers.process import Process
from livekit_deploy.sandbox.cluster.containers.programs import Anything, Ended, Running
from livekit_deploy.sandbox.cluster.kubelet import images
from livekit_deploy.sandbox.cluster.kubelet.environment import ConfigError, environment, expanded
from livekit_deploy.sandbox.cluster.kubelet.volumes import Folder, mounted
from livekit_deploy.sandbox.cluster.world import Obj, World, name_of

_LIVEKIT = "livekit-server"
#: the user of other images: not root, as those of the charts that we install
_NOBODY = 65532


def addresses(world: World, pod: Obj) -> Obj:
    """Its addresses as its status shows them."""
    node = world.store.get(world.store.named("nodes"), None, pod["spec"]["nodeName"])
    host = _address_of(node, "InternalIP")
    own = host if pod["spec"].get("hostNetwork") else _own(host, pod["metadata"]["uid"])
    return {"hostIP": host, "podIP": own, "podIPs": [{"ip": own}]}


def _address_of(node: Obj, kind: str) -> str:
    return next((str(one["address"]) for one in node["status"]["addresses"] if one["type"] == kind), "")


def _own(host: str, uid: str) -> str:
    """An address of the node's network, as the VPC CNI would give it."""
    number = int(uid[:4], 16)
    first, second, *_ = host.split(".")
    return f"{first}.{second}.{200 + number % 50}.{number % 250 + 1}"


def process(world: World, pod: Obj, container: Obj, found: dict[str, Folder], taken: frozenset[int]) -> Process:
    """What a container is given. Raises `ConfigError`."""
    node = world.store.get(world.store.named("nodes"), None, pod["spec"]["nodeName"])
    there = addresses(world, pod)
    variables = environment(world, pod, container, {f"status.{key}": str(there[key]) for key in ("hostIP", "podIP")})
    security = {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}
    files, writable = mounted(container, found, pod)
    return Process(
        uid=pod["metadata"]["uid"],
        image=str(container.get("image", "")),
        arguments=expanded([*(container.get("command") or []), *(container.get("args") or [])], variables),
        environment=variables,
        files=files,
        writable=writable,
        read_only=bool(security.get("readOnlyRootFilesystem")),
        user=_user(pod, container, security),
        groups=_groups(pod, security),
        on_host=bool(pod["spec"].get("hostNetwork")),
        node=pod["spec"]["nodeName"],
        address=there["podIP"],
        node_address=there["hostIP"],
        outside=_address_of(node, "ExternalIP"),
        taken=taken,
        redis=world.redis,
    )


def _user(pod: Obj, container: Obj, security: Obj) -> int:
    """Raises `ConfigError` where it would be root and must not (kubelet, security_context_others.go)."""
    asked: int | None = security.get("runAsUser")
    own = 0 if is_livekit(str(container.get("image", ""))) else _NOBODY
    if security.get("runAsNonRoot"):
        where = (
            f'(pod: "{name_of(pod)[1]}_{name_of(pod)[0]}({pod["metadata"]["uid"]})", container: {container["name"]})'
        )
        if asked == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
        if asked is None and own == 0:
            raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
    return own if asked is None else asked


def _groups(pod: Obj, security: Obj) -> frozenset[int]:
    whole = pod["spec"].get("securityContext") or {}
    more = [whole["fsGroup"]] if "fsGroup" in whole else []
    return frozenset((security.get("runAsGroup") or 0, *more, *(whole.get("supplementalGroups") or [])))


def is_livekit(image: str) -> bool:
    """Whether an image is LiveKit's server, from whatever registry."""
    parts = images.split(image)
    return parts is not None and parts[0].rpartition("/")[2] == _LIVEKIT


def started(pod: Obj, container: Obj, process: Process) -> Running | Ended:
    """The program of a container, as it is after it was started."""
    if is_livekit(process.image):
        parts = images.split(process.image)
        assert parts is not None
        return server.start(process, parts[1])
    said = (f"{container['name']} is ready",)
    if pod["spec"].get("restartPolicy") in ("Never", "OnFailure"):
        return Ended(said)
    declared = frozenset(int(one["hostPort"]) for one in container.get("ports") or [] if one.get("hostPort"))
    return Anything(said, declared)
