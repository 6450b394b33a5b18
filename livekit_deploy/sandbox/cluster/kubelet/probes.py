"""Probes of a running container: the result of each, and when enough results in a row count.

Between two findings nothing is done: from the moment a finding differs from the one that counts it is known at which
of the coming probes it will count. Source: Kubernetes documentation, "Configure Liveness, Readiness and Startup
Probes"; kubelet 1.36, pkg/kubelet/prober and pkg/probe for the texts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from livekit_deploy.sandbox.cluster.containers.programs import Running
from livekit_deploy.sandbox.cluster.port import RedisServer
from livekit_deploy.sandbox.cluster.world import Obj, World

READINESS, LIVENESS, STARTUP = "readiness", "liveness", "startup"


@dataclass
class Watch:
    """One probe of one container: the finding that counts, and the other one that may come to count."""

    counts: bool
    other: tuple[bool, float] | None = None
    """(what it is, AWS's seconds from the moment it was found until it counts)"""


@dataclass
class Watches:
    """The probes of one run of a container. A container is alive until shown otherwise, and ready when shown so."""

    began: float
    readiness: Watch = field(default_factory=lambda: Watch(False))
    liveness: Watch = field(default_factory=lambda: Watch(True))
    startup: Watch = field(default_factory=lambda: Watch(False))


def look(world: World, key: tuple[str, ...], watch: Watch, probe: Obj, began: float, *, good: bool) -> bool:
    """Whether the finding that counts changes now."""
    if watch.other is None or watch.other[0] != good:
        if good is watch.counts:
            watch.other = None
            return False
        watch.other = (good, _until(world, probe, began, good=good))
    if not world.due((*key, str(good)), watch.other[1]):
        return False
    watch.counts, watch.other = good, None
    return True


def lasting(world: World, probe: Obj, began: float) -> float:
    """AWS's seconds until it has failed too often, when it fails from now on."""
    return _until(world, probe, began, good=False)


def _until(world: World, probe: Obj, began: float, *, good: bool) -> float:
    """From now until as many probes in a row as its threshold will have found this."""
    delay, period = float(probe.get("initialDelaySeconds") or 0), float(probe.get("periodSeconds") or 10)
    threshold = int(probe.get("successThreshold" if good else "failureThreshold") or (1 if good else 3))
    age = world.clock.elapsed(began)
    next_one = delay + max(0, math.ceil((age - delay) / period)) * period
    return next_one - age + (threshold - 1) * period


# ---- what is found


def finding(probe: Obj, container: Obj, address: str, program: Running | None, redis: tuple[RedisServer, ...]) -> str:
    """Why it fails, "" when it succeeds; ``program`` is None while nothing listens."""
    if http := probe.get("httpGet"):
        return _http(http, container, http.get("host") or address, program, redis)
    if tcp := probe.get("tcpSocket"):
        port = port_of(tcp["port"], container)
        if port is None:
            return f"couldn't find port: {tcp['port']}"
        where = f"{tcp.get('host') or address}:{port}"
        return "" if program is not None and program.listens(port) else f"dial tcp {where}: connect: connection refused"
    return ""


def _http(http: Obj, container: Obj, address: str, program: Running | None, redis: tuple[RedisServer, ...]) -> str:
    port = port_of(http["port"], container)
    if port is None:
        return f"couldn't find port: {http['port']}"
    path, where = http.get("path") or "/", f"{address}:{port}"
    if program is None or not program.listens(port):
        url = f"{str(http.get('scheme', 'HTTP')).lower()}://{where}{path}"
        return f'Get "{url}": dial tcp {where}: connect: connection refused'
    status, _ = program.answer(port, path, {}, redis)
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


def port_of(wanted: int | str, container: Obj) -> int | None:
    """The number of a port that is given by number or by name; None for a name that the container lacks."""
    if isinstance(wanted, int):
        return wanted
    return next((int(one["containerPort"]) for one in container.get("ports") or [] if one.get("name") == wanted), None)
