"""The thread that runs all controllers, woken by every change and by time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.controllers import (
    budgets,
    definitions,
    deployments,
    endpoints,
    housekeeping,
    load_balancers,
    scheduling,
)
from livekit_deploy.sandbox.cluster.kubelet.kubelet import Kubelet
from livekit_deploy.sandbox.cluster.port import CloudPort
from livekit_deploy.sandbox.cluster.store.store import Store
from livekit_deploy.sandbox.cluster.world import World

_LOOK_SECONDS = 0.2  # the cloud around the cluster changes without telling
_TICK_SECONDS = 0.02
_logger = logging.getLogger(__name__)


class Controllers:
    """The controllers of one cluster, until `stop`."""

    def __init__(self, store: Store, port: CloudPort, clock: SandboxClock) -> None:
        self._store, self._port = store, port
        self._world = World(store, clock)
        self.kubelet = Kubelet()
        self._stopping = threading.Event()
        self._failed: dict[str, str] = {}
        self._thread = threading.Thread(target=self._loop, name="controllers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; it may be in a call to the cloud, so it is not waited for."""
        self._stopping.set()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            seen = self._store.version
            well = self._round()
            with self._store.changed:
                if not well or self._store.version == seen:
                    soon = max(self._world.idle(_LOOK_SECONDS), _TICK_SECONDS)
                    self._store.changed.wait(soon if well else _LOOK_SECONDS)

    def _round(self) -> bool:
        """One step of everything; whether all went well."""
        well = self._step("nodes", lambda: self._world.begin(self._port.nodes(), self._port.redis_servers()))
        before, after = (definitions, housekeeping, deployments, scheduling), (budgets, endpoints)
        steps = [(one.__name__, one.run) for one in before] + [("kubelet", self.kubelet.run)]
        for name, run in [*steps, *((one.__name__, one.run) for one in after)]:
            well &= self._step(name, partial(self._locked, run))
        return well & self._step("load balancers", lambda: load_balancers.run(self._world, self._port))

    def _locked(self, run: Callable[[World], None]) -> None:
        with self._store.lock:
            run(self._world)

    def _step(self, name: str, step: Callable[[], None]) -> bool:
        """One controller's failure must not keep the others from their work; it tries again in the next round."""
        try:
            step()
        except Exception as error:
            _logger.log(self._level(name, str(error)), "%s failed", name, exc_info=True)
            return False
        self._failed.pop(name, None)
        return True

    def _level(self, name: str, failed: str) -> int:
        """A failure that comes in every round is told once."""
        again, self._failed[name] = self._failed.get(name) == failed, failed
        return logging.DEBUG if again else logging.ERROR
