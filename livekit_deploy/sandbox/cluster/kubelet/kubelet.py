"""The life of a pod on its node, step by step: volumes, images, containers, probes, and its end."""

from __future__ import annotations

from livekit_deploy.sandbox.cluster.containers.process import Process
from livekit_deploy.sandbox.cluster.containers.programs import Ended, Running
from livekit_deploy.sandbox.cluster.kubelet import endings, images, probing, starting, statuses
from livekit_deploy.sandbox.cluster.kubelet.environment import ConfigError
from livekit_deploy.sandbox.cluster.kubelet.lives import Life, back_off
from livekit_deploy.sandbox.cluster.kubelet.volumes import Folder, MountError, volumes
from livekit_deploy.sandbox.cluster.store.store import now
from livekit_deploy.sandbox.cluster.world import Obj, World, labels_of, leaving, name_of
from livekit_deploy.sandbox.faults.catalogue import CATALOGUE
from livekit_deploy.sandbox.faults.plan import KUBERNETES, START_POD, Call, current

#: AWS's seconds from the moment a pod is bound until its containers are made, with what they need pulled
START = 8.0
KUBELET = "kubelet"


class Kubelet:
    """The kubelets of all nodes."""

    def __init__(self) -> None:
        self._lives: dict[str, list[Life]] = {}

    def run(self, world: World) -> None:
        """One step for every pod that has a node, or never got one and is to go."""
        pods = world.items("pods")
        there = {_uid(pod) for pod in pods}
        self._lives = {uid: lives for uid, lives in self._lives.items() if uid in there}
        for pod in pods:
            if leaving(pod):
                self._end(world, pod)
            elif pod["spec"].get("nodeName") and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                self._step(world, pod)

    def running(self, pod: Obj) -> Running | None:
        """The program of a pod's first container, while it runs and listens."""
        lives = self._lives.get(_uid(pod)) or []
        return lives[0].answers if lives else None

    # ---- its end

    def _end(self, world: World, pod: Obj) -> None:
        metadata, lives = pod["metadata"], self._lives.get(_uid(pod)) or []
        for life in lives:
            if life.runs:
                world.tell(pod, "Killing", f"Stopping container {life.name}", source=KUBELET)
        grace = float(metadata.get("deletionGracePeriodSeconds") or 0)
        seconds = endings.seconds(pod, grace) if any(life.runs for life in lives) else 0.0
        if not metadata.get("finalizers") and world.due(("end", metadata["uid"]), seconds):
            world.store.finish(world.store.named("pods"), pod)
            self._lives.pop(metadata["uid"], None)

    # ---- its life

    def _step(self, world: World, pod: Obj) -> None:
        uid = _uid(pod)
        containers: list[Obj] = pod["spec"]["containers"]
        if uid not in self._lives:
            self._lives[uid] = [Life(one["name"], str(one.get("image", ""))) for one in containers]
        lives = self._lives[uid]
        found = self._volumes(world, pod) if not all(life.runs for life in lives) else {}
        for life, container in zip(lives, containers, strict=True):
            if not life.runs and found is not None:
                self._start(world, pod, container, life, found)
            if life.runs:
                self._live(world, pod, container, life)
        addresses = starting.addresses(world, pod) if any(life.ends or life.runs for life in lives) else {}
        written = statuses.status(pod, [life.status() for life in lives], _kept(pod, addresses))
        world.status(world.store.named("pods"), pod, written)

    def _volumes(self, world: World, pod: Obj) -> dict[str, Folder] | None:
        try:
            return volumes(world, pod)
        except MountError as error:
            world.tell(pod, "FailedMount", str(error), source=KUBELET, warning=True)
            return None

    # ---- a container's start

    def _start(self, world: World, pod: Obj, container: Obj, life: Life, found: dict[str, Folder]) -> None:
        if not self._may_start(world, pod, life) or not self._pulled(world, pod, life):
            return
        try:
            process = starting.process(world, pod, container, found, self._taken(pod))
        except ConfigError as error:
            life.waits("CreateContainerConfigError", str(error))
            world.tell(pod, "Failed", f"Error: {error}", source=KUBELET, warning=True)
            return
        if life.ends > 1 and not self._again(world, pod, life, process):
            _backs_off(world, pod, life)
            return
        program = starting.started(pod, container, process)
        life.begins(process, program, world.clock.now())
        world.tell(pod, "Created", f"Created container: {life.name}", source=KUBELET)
        world.tell(pod, "Started", f"Started container {life.name}", source=KUBELET)
        if life.ends:
            world.store.logs.begin(_uid(pod))
        for line in program.lines:
            world.store.logs.say(_uid(pod), line)

    def _again(self, world: World, pod: Obj, life: Life, process: Process) -> bool:
        """Whether it is tried once more. Where no time passes, only a change of what it is given can help."""
        if world.clock.instant:
            return _fault(pod) is None and process != life.given
        return world.due(("restart", _uid(pod), life.name, str(life.ends)), life.back_off)

    def _may_start(self, world: World, pod: Obj, life: Life) -> bool:
        if ended := life.state.get("terminated"):
            policy = pod["spec"].get("restartPolicy", "Always")
            return bool(policy == "Always" or (policy == "OnFailure" and ended["exitCode"]))
        return bool(life.ends or life.pulls) or world.lasted(("start", _uid(pod)), START)

    def _pulled(self, world: World, pod: Obj, life: Life) -> bool:
        """Whether its image is there; it is asked for again and again, less and less often."""
        if life.ends:
            return True
        if why := images.invalid(life.image):
            life.waits("InvalidImageName", why)
            world.tell(pod, "InspectFailed", why, source=KUBELET, warning=True)
            world.tell(pod, "Failed", "Error: InvalidImageName", source=KUBELET, warning=True)
            return False
        if life.pulls and not world.due(("pull", _uid(pod), life.name, str(life.pulls)), back_off(life.pulls)):
            life.waits("ImagePullBackOff", f'Back-off pulling image "{life.image}": ErrImagePull: {life.refusal}')
            return False
        if why := images.unpullable(life.image):
            self._not_pulled(world, pod, life, why)
            return False
        present = f'Container image "{life.image}" already present on machine'
        world.tell(pod, "Pulled", present, source=KUBELET)
        return True

    def _not_pulled(self, world: World, pod: Obj, life: Life, why: str) -> None:
        held = f'Back-off pulling image "{life.image}"'
        world.tell(pod, "Pulling", f'Pulling image "{life.image}"', source=KUBELET)
        world.tell(pod, "Failed", f'Failed to pull image "{life.image}": {why}', source=KUBELET, warning=True)
        world.tell(pod, "Failed", "Error: ErrImagePull", source=KUBELET, warning=True)
        world.tell(pod, "BackOff", held, source=KUBELET)
        world.tell(pod, "Failed", "Error: ImagePullBackOff", source=KUBELET, warning=True)
        life.refusal = why
        if life.pulls:
            life.waits("ImagePullBackOff", f"{held}: ErrImagePull: {why}")
        else:
            life.waits("ErrImagePull", why)
        life.pulls += 1

    def _taken(self, pod: Obj) -> frozenset[int]:
        """The ports that others listen on where a pod would."""
        if not pod["spec"].get("hostNetwork"):
            return frozenset()
        node = pod["spec"]["nodeName"]
        return frozenset(
            port
            for uid, lives in self._lives.items()
            if uid != _uid(pod)
            for life in lives
            if life.process is not None
            and life.process.on_host
            and life.process.node == node
            and life.runs
            and life.program is not None
            and not isinstance(life.program, Ended)
            for port in life.program.ports()
        )

    # ---- while it runs

    def _live(self, world: World, pod: Obj, container: Obj, life: Life) -> None:
        key = (_uid(pod), life.name, str(life.ends))
        program = life.program
        if (why := _fault(pod)) is not None:
            world.store.logs.begin(_uid(pod))
            world.store.logs.say(_uid(pod), why)
            life.ended(1)
            life.given = None
        elif isinstance(program, Ended):
            if not world.due(("exit", *key), program.seconds):
                probing.probe(world, pod, container, life, key)
                return
            life.ended(program.code)
        elif program is not None:
            life.listening = life.listening or world.due(("listen", *key), program.seconds)
            probing.probe(world, pod, container, life, key)


def _uid(pod: Obj) -> str:
    return str(pod["metadata"]["uid"])


def _fault(pod: Obj) -> str | None:
    """Why the fault plan does not let its containers run."""
    app = labels_of(pod).get("app.kubernetes.io/name", "")
    fault = current.strike(Call(KUBERNETES, START_POD, {"app": app}))
    return (fault.message or CATALOGUE[fault.fault].message) if fault is not None else None


def _kept(pod: Obj, addresses: Obj) -> Obj:
    """The addresses of a pod, with the moment at which it was first seen."""
    return {**addresses, "startTime": (pod.get("status") or {}).get("startTime") or now()}


def _backs_off(world: World, pod: Obj, life: Life) -> None:
    where = f"{name_of(pod)[1]}_{name_of(pod)[0]}({_uid(pod)})"
    if "terminated" in life.state:
        life.last = life.state
    said = f"back-off {_span(life.back_off)} restarting failed container={life.name} pod={where}"
    life.waits("CrashLoopBackOff", said)
    told = f"Back-off restarting failed container {life.name} in pod {where}"
    world.tell(pod, "BackOff", told, source=KUBELET, warning=True)


def _span(seconds: int) -> str:
    """As Go writes a duration: 10s, 1m20s, 5m0s."""
    return f"{seconds}s" if seconds < 60 else f"{seconds // 60}m{seconds % 60}s"
