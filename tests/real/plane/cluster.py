"""The control plane of an EKS cluster, with the nodes, kubelets and the controller around it."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from moto.sts.models import sts_backends

from livekit_deploy.sandbox.bridge.cloud import Bridge
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from livekit_deploy.sandbox.cluster.controllers import load_balancers, scheduling
from livekit_deploy.sandbox.cluster.loop import Controllers
from livekit_deploy.sandbox.cluster.port import CloudPort, Identity
from tests.real.plane import tokens
from tests.real.plane.answering import Answer, Server, context, json_answer
from tests.real.plane.heartbeats import Heartbeats
from tests.real.plane.keys import Keys
from tests.real.plane.mirror import Mirror
from tests.real.plane.network import Network
from tests.real.plane.processes import Processes
from tests.real.plane.wire import Wire

Obj = dict[str, Any]
#: the secret of every access key that the sandbox hands out
_SECRET = "sandbox"


class Plane:
    """A control plane that begins to serve on its own, before there is a cluster; all of it is in ``folder``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder, keys = folder, Keys(folder)
        keys.issue("tokens", "tokens")
        self.ca = keys.ca
        self._tokens = Server(self._review, context(f"{folder}/tokens.crt", f"{folder}/tokens.key"))
        self._processes = Processes(folder, self._tokens.port, keys)
        self.endpoint = self._processes.endpoint
        self.wire = Wire(self.endpoint, folder)
        self.mirror = Mirror(self.wire)
        self._network = Network(self.mirror, keys)
        self._heartbeats = Heartbeats(self.mirror, self.wire)
        self._bridge: Bridge | None = None
        self._failed: Exception | None = None
        self._beginning = threading.Thread(target=self._begin)
        self._beginning.start()

    def _begin(self) -> None:
        try:
            self._processes.start()
            self.mirror.start()
            self._heartbeats.start()
        except Exception as error:  # noqa: BLE001 - told to whoever asks for it
            self._failed = error

    def serve(self, bridge: CloudPort) -> None:
        """The control plane of this cluster; returns when it is ready."""
        assert isinstance(bridge, Bridge)
        self._bridge = bridge
        self._beginning.join()
        if self._failed is not None:
            raise self._failed
        (self.folder / "cluster").write_text(bridge.name, encoding="utf-8")

    def stop(self) -> None:
        """What it held at its end is in ``held.json``: group and plural, then namespace and name."""
        self._beginning.join()
        self._hold()
        for one in (self._heartbeats, self.mirror, self._processes, self._network, self._tokens):
            one.stop()

    def _hold(self) -> None:
        held = {
            f"{kind.plural}.{kind.group}".strip("."): sorted(
                f"{where or ''}/{name}" for where, name in self.mirror.bucket(kind)
            )
            for kind in self.mirror.stored()
        }
        (self.folder / "held.json").write_text(json.dumps(held), encoding="utf-8")

    def _review(self, path: str, review: Obj) -> Answer:
        """Whom a token belongs to (TokenReview), by the access entries of the cluster."""
        token, bridge = review["spec"]["token"], self._bridge
        try:
            if bridge is None:
                raise tokens.Refused("there is no cluster")
            tokens.check(token, bridge.name, _secret_of)
            who = bridge.authenticate(token)
            if who is None:
                raise tokens.Refused("it has no access entry")
            status: Obj = {"authenticated": True, "user": _user(who)}
        except tokens.Refused as error:
            status = {"authenticated": False, "error": str(error)}
        return json_answer({"apiVersion": review["apiVersion"], "kind": "TokenReview", "status": status})


def _user(who: Identity) -> Obj:
    return {"username": who.username, "groups": [*who.groups]}


def _secret_of(key: str) -> str:
    """The secret of an access key: that of a role's session is made by STS."""
    for backends in sts_backends.values():
        for backend in backends.values():
            for role in backend.assumed_roles:
                if role.access_key_id == key:
                    return str(role.secret_access_key)
    return _SECRET


class RealCluster(Cluster):
    """Looks to the rest of the sandbox like a cluster of its own."""

    def __init__(self, plane: Plane, port: CloudPort, clock: SandboxClock, ended: Callable[[Plane], None]) -> None:
        self._plane, self._port, self._ended = plane, port, ended
        self.store = plane.mirror
        self._controllers = Around(plane.mirror, port, clock)
        self.endpoint, self.ca_data = plane.endpoint, base64.b64encode(plane.ca).decode()

    def start(self) -> None:
        self._plane.serve(self._port)
        self._controllers.start()

    def stop(self) -> None:
        self._controllers.stop()
        threading.Thread(target=self._ended, args=(self._plane,)).start()


class Around(Controllers):
    """What a cluster has beside its control plane: nodes that join, their kubelets, the load balancer controller."""

    def _round(self) -> bool:
        well = self._step("nodes", lambda: self._world.begin(self._port.nodes(), self._port.redis_servers()))
        for name, run in (("joining", scheduling.join), ("kubelets", self.kubelet.run)):
            well &= self._step(name, partial(self._locked, run))
        return well & self._step("load balancers", lambda: load_balancers.run(self._world, self._port))


class Planes:
    """Makes clusters. Where there is none, a control plane is on its way for the next one."""

    def __init__(self, folder: Path, clock: SandboxClock) -> None:
        self._folder, self._clock = folder, clock
        self._numbers = itertools.count(1)
        self._spare: Plane | None = self._next()

    def _next(self) -> Plane:
        return Plane(self._folder / str(next(self._numbers)))

    def cluster(self, port: CloudPort, clock: SandboxClock, version: str) -> Cluster:
        """A cluster of the one version that there is; its pods take the time of our clock, not that of AWS's."""
        plane, self._spare = self._spare or self._next(), None
        return RealCluster(plane, port, self._clock, self._ended)

    def _ended(self, plane: Plane) -> None:
        plane.stop()
        if self._spare is None:
            self._spare = self._next()

    def stop(self) -> None:
        if self._spare is not None:
            self._spare.stop()
