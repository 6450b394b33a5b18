"""Acts on probe results: a container has started, is ready, or is killed and restarted."""

from __future__ import annotations

from livekit_deploy.sandbox.cluster.kubelet import endings, probes
from livekit_deploy.sandbox.cluster.kubelet.lives import Life
from livekit_deploy.sandbox.cluster.kubelet.probes import LIVENESS, READINESS, STARTUP
from livekit_deploy.sandbox.cluster.world import Obj, World

_KUBELET = "kubelet"
_KILLED = 137  # by SIGKILL
Key = tuple[str, ...]


def probe(world: World, pod: Obj, container: Obj, life: Life, key: Key) -> None:
    """One look at a container that runs; ``key`` is this run of it."""
    if life.killing is not None:
        if world.due(("kill", *key), endings.ending(container, life.killing)):
            life.ended(0 if life.listening else _KILLED)
        return
    if not life.started:
        life.started = _started(world, pod, container, life, key)
    if life.started and _alive(world, pod, container, life, key):
        life.ready = _ready(world, pod, container, life, key)


def _started(world: World, pod: Obj, container: Obj, life: Life, key: Key) -> bool:
    """Whether its startup probe has succeeded; the others are not asked before that."""
    asked, watches = container.get("startupProbe"), life.watches
    if asked is None or watches is None:
        return True
    good = not _found(world, pod, container, life, STARTUP)
    if probes.look(world, (STARTUP, *key), watches.startup, asked, watches.began, good=good):
        return True
    if not good and life.never is None:
        life.never = probes.lasting(world, asked, watches.began)
    if not good and life.never is not None and world.due(("never", *key), life.never):
        _kill(world, pod, container, life, STARTUP)
    return False


def _alive(world: World, pod: Obj, container: Obj, life: Life, key: Key) -> bool:
    asked, watches = container.get("livenessProbe"), life.watches
    if asked is None or watches is None:
        return True
    good = not _found(world, pod, container, life, LIVENESS)
    probes.look(world, (LIVENESS, *key), watches.liveness, asked, watches.began, good=good)
    if not watches.liveness.counts:
        _kill(world, pod, container, life, LIVENESS)
    return watches.liveness.counts


def _ready(world: World, pod: Obj, container: Obj, life: Life, key: Key) -> bool:
    asked, watches = container.get("readinessProbe"), life.watches
    if asked is None or watches is None:
        return True
    good = not _found(world, pod, container, life, READINESS)
    probes.look(world, (READINESS, *key), watches.readiness, asked, watches.began, good=good)
    return watches.readiness.counts


def _found(world: World, pod: Obj, container: Obj, life: Life, kind: str) -> str:
    """Why a probe fails now, "" when it succeeds."""
    address = life.process.address if life.process is not None else ""
    why = probes.finding(container[f"{kind}Probe"], container, address, life.answers, world.redis)
    if why:
        said = "probe errored and resulted in unknown state" if why.startswith("couldn't") else "probe failed"
        world.tell(pod, "Unhealthy", f"{kind.title()} {said}: {why}", source=_KUBELET, warning=True)
    return why


def _kill(world: World, pod: Obj, container: Obj, life: Life, kind: str) -> None:
    """End it, so that it is started again; a probe may give it a shorter time than its pod does."""
    said = f"Container {life.name} failed {kind} probe, will be restarted"
    world.tell(pod, "Killing", said, source=_KUBELET)
    whole = pod["spec"].get("terminationGracePeriodSeconds", 30)
    life.killing = float(container[f"{kind}Probe"].get("terminationGracePeriodSeconds") or whole)
    life.ready = False
