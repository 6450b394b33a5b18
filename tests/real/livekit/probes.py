"""Probes as a kubelet makes and reads them.

Source: Kubernetes documentation, "Configure Liveness, Readiness and Startup Probes"; kubernetes 1.36, pkg/probe.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any

from tests.real.livekit import web
from tests.real.livekit.network import Host

_HEADERS = {"User-Agent": "kube-probe/1.36"}


class Probe:
    """A probe of a container on ``host``, whose named ports are ``ports``."""

    def __init__(self, spec: Mapping[str, Any], host: Host, ports: Mapping[str, int]) -> None:
        self._spec, self._host, self._ports = spec, host, ports
        self.delay: float = spec.get("initialDelaySeconds", 0)
        self.period: float = spec.get("periodSeconds", 10)
        self.threshold: int = spec.get("failureThreshold", 3)
        self._timeout: float = spec.get("timeoutSeconds", 1)

    @property
    def lasts(self) -> float:
        """How long it may fail at least, from the container's start, before that is of effect (seconds)."""
        return self.delay + self.period * (self.threshold - 1)

    def failure(self) -> str | None:
        """Ask once; None when it passes, else what a kubelet's event says."""
        try:
            if "httpGet" in self._spec:
                return self._get()
            port = self._port(self._spec["tcpSocket"]["port"])
            web.connect(self._host, self._host.address, port, self._timeout).close()
            return None
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"

    def _port(self, port: int | str) -> int:
        if isinstance(port, str) and port not in self._ports:
            raise OSError(f"the container has no port named {port}")
        return self._ports[port] if isinstance(port, str) else port

    def _get(self) -> str | None:
        asked = self._spec["httpGet"]
        port, path = self._port(asked["port"]), asked.get("path", "/")
        answer = web.ask(self._host, self._host.address, port, path, headers=_HEADERS, seconds=self._timeout)
        if 200 <= answer.status < 400:
            return None
        return f"HTTP probe failed with statuscode: {answer.status}: {answer.text.strip()}"
