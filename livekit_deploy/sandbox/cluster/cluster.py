"""One cluster: its objects, its API over HTTPS, and its controllers."""

from __future__ import annotations

from typing import Any

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.api_server.api import Api
from livekit_deploy.sandbox.cluster.api_server.front import Front
from livekit_deploy.sandbox.cluster.containers.programs import Running
from livekit_deploy.sandbox.cluster.loop import Controllers
from livekit_deploy.sandbox.cluster.port import CloudPort
from livekit_deploy.sandbox.cluster.store.store import Store

_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class Cluster:
    """A cluster in its cloud; ``version`` is ``1.36``. `start` serves it at ``endpoint`` under ``ca_data``."""

    def __init__(self, port: CloudPort, clock: SandboxClock, version: str = "1.36") -> None:
        self.store = Store()
        namespaces = self.store.named("namespaces")
        with self.store.lock:
            for name in _NAMESPACES:
                self.store.create(namespaces, None, {"metadata": {"name": name}}, "kube-apiserver")
        self._front = Front(Api(self.store, version), port, clock)
        self._controllers = Controllers(self.store, port, clock)
        self.endpoint, self.ca_data = self._front.endpoint, self._front.ca_data

    def start(self) -> None:
        self._front.start()
        self._controllers.start()

    def stop(self) -> None:
        """End it; what is in progress is not waited for."""
        self._controllers.stop()
        self._front.stop()

    def say(self, pod: dict[str, Any], text: str) -> None:
        """A line in the log of one of its pods."""
        self.store.logs.say(pod["metadata"]["uid"], text)

    def running(self, pod: dict[str, Any]) -> Running | None:
        """The program of one of its pods, while it runs and listens."""
        with self.store.lock:
            return self._controllers.kubelet.running(pod)

    def objects(self, plural: str, group: str = "", namespace: str | None = None) -> list[dict[str, Any]]:
        """What it holds, for the rest of the sandbox."""
        with self.store.lock:
            return self.store.select(self.store.named(plural, group), namespace, None, None)
