"""The leases by which nodes say that they are alive. Source: Kubernetes, "Nodes", heartbeats."""

from __future__ import annotations

import datetime
import threading

import urllib3.exceptions

from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from tests.real.plane.mirror import Mirror
from tests.real.plane.wire import MANAGER, Wire

_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_EVERY_SECONDS, _LASTS_SECONDS = 5.0, 40


class Heartbeats:
    """Of every node, until `stop`."""

    def __init__(self, mirror: Mirror, wire: Wire) -> None:
        self._mirror, self._wire = mirror, wire
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._mirror.lock:
                names = {node["metadata"]["name"] for node in self._mirror.items(self._mirror.named("nodes"))}
            for name in names:
                self._beat(name)
            with self._mirror.changed:  # a node that comes is alive at once
                self._mirror.changed.wait_for(lambda names=names: self._came(names), _EVERY_SECONDS)  # type: ignore[misc]

    def _came(self, names: set[str]) -> bool:
        return self._stopping.is_set() or bool(
            {node["metadata"]["name"] for node in self._mirror.items(self._mirror.named("nodes"))} - names
        )

    def _beat(self, name: str) -> None:
        moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {"holderIdentity": name, "leaseDurationSeconds": _LASTS_SECONDS, "renewTime": moment}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}
        try:
            self._wire.ask(
                "PATCH",
                f"{_LEASES}/{name}",
                lease,
                "application/apply-patch+yaml",
                fieldManager=MANAGER,
                force="true",
            )
        except (ApiError, urllib3.exceptions.HTTPError):
            if not self._stopping.is_set():
                self._stopping.wait(0.2)
