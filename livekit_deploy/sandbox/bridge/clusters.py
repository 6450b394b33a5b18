"""Connects EKS and the Kubernetes APIs: starts the API when a cluster becomes active, and ends it with the cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable

from livekit_deploy.sandbox.aws.eks.store import hooks, lock, store_of
from livekit_deploy.sandbox.bridge.cloud import Bridge, Where
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from livekit_deploy.sandbox.cluster.port import CloudPort
from livekit_deploy.sandbox.serving.seal import Seal

#: what makes a cluster's API: where it is in its cloud, the time, its version
Makes = Callable[[CloudPort, SandboxClock, str], Cluster]


class Clusters:
    """Every cluster that runs, by account, region and name; ``endpoint`` tells where AWS is once it is served, and
    ``seal`` whose tokens are good.
    """

    def __init__(
        self,
        clock: SandboxClock,
        endpoint: Callable[[], str | None] = lambda: None,
        makes: Makes = Cluster,
        seal: Seal | None = None,
    ) -> None:
        self._clock, self._endpoint, self._makes, self._seal = clock, endpoint, makes, seal or Seal()
        self._lock = threading.Lock()
        self._running: dict[Where, Bridge] = {}
        hooks.cluster_active, hooks.cluster_deleted = self._active, self._deleted

    def _active(self, account: str, region: str, name: str) -> tuple[str, str]:
        where = (account, region, name)
        bridge = Bridge(where, self._clock, self._endpoint(), self._seal)
        with lock:
            version = store_of(account, region).clusters[name].wire["version"]
        bridge.cluster = self._makes(bridge, self._clock, version)
        bridge.cluster.start()
        with self._lock:
            self._running[where] = bridge
        return bridge.cluster.endpoint, bridge.cluster.ca_data

    def _deleted(self, account: str, region: str, name: str) -> None:
        with self._lock:
            bridge = self._running.pop((account, region, name), None)
        if bridge is not None and bridge.cluster is not None:
            bridge.cluster.stop()

    def running(self) -> list[tuple[Where, Bridge]]:
        with self._lock:
            return list(self._running.items())

    def stop(self) -> None:
        """End them all."""
        for where, _ in self.running():
            self._deleted(*where)

    @property
    def last_used(self) -> float:
        """When somebody last called one of their APIs."""
        return max((bridge.last_used for _, bridge in self.running()), default=0.0)
