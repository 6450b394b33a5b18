"""The thread in which all controllers run, woken by every change and by the passing of time."""

from __future__ import annotations

import logging
import threading

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.controllers import (
    endpoints,
    housekeeping,
    load_balancers,
    pods,
    scheduling,
    workloads,
)
from livekit_deploy.sandbox.cluster.controllers.world import World
from livekit_deploy.sandbox.cluster.errors import ApiError
from livekit_deploy.sandbox.cluster.port import CloudPort
from livekit_deploy.sandbox.cluster.store import Store

_LOOK_SECONDS = 0.2  # the cloud around the cluster changes without telling
_TICK_SECONDS = 0.02
_log = logging.getLogger(__name__)


class Controllers:
    """The controllers of one cluster, until `stop`."""

    def __init__(self, store: Store, port: CloudPort, clock: SandboxClock) -> None:
        self._store, self._port = store, port
        self._world = World(store, clock)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="controllers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; it may be in a call to the cloud, so it is not waited for."""
        self._stopping.set()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            seen = self._store.version
            try:
                self._round()
            except ApiError:  # somebody else was faster; the next round looks again
                _log.exception("a controller was refused")
                self._stopping.wait(_LOOK_SECONDS)
            with self._store.changed:
                if self._store.version == seen:
                    self._store.changed.wait(_TICK_SECONDS if self._world.waiting else _LOOK_SECONDS)

    def _round(self) -> None:
        self._world.nodes = self._port.nodes()
        with self._store.lock:
            for controller in (housekeeping, workloads, scheduling, pods, endpoints):
                controller.run(self._world)
        load_balancers.run(self._world, self._port)
