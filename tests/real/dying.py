"""The command line in a process that is killed at a boundary: python -m tests.real.dying SEEN DEATH COMMAND…

A boundary is what comes before or after a change of the cluster that we ask for ourselves, or after so many that helm
asked for. Its name goes into the file SEEN; at the one that is called DEATH the process gets SIGKILL, and helm with it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import kubernetes.client

from livekit_deploy.cli import main
from livekit_deploy.k8s.helm.process import HelmBinary
from tests.real.control import PLANES, newest

_READS = ("GET", "HEAD")
_CHANGES = ("install", "upgrade", "rollback", "uninstall")
_LOOK_SECONDS = 0.002


class Boundaries:
    """Notes each as it is passed, and dies at one."""

    def __init__(self, seen: Path, death: str) -> None:
        self._seen, self._death = seen.open("a", encoding="utf-8"), death
        self._lock = threading.Lock()

    def passed(self, name: str) -> None:
        with self._lock:
            print(name, file=self._seen, flush=True)
            if name == self._death:
                os.kill(os.getpid(), signal.SIGKILL)


class Dying:
    """Puts itself between the product and the cluster."""

    def __init__(self, boundaries: Boundaries) -> None:
        self._pass = boundaries.passed

    def asking(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call_api(client: Any, method: str, url: str, *more: Any, **named: Any) -> Any:
            if method in _READS:
                return original(client, method, url, *more, **named)
            what = f"{method} {urlsplit(url).path}"
            self._pass(f"before {what}")
            said = original(client, method, url, *more, **named)
            self._pass(f"after {what}")
            return said

        return call_api

    def running(self, original: Callable[..., bytes]) -> Callable[..., bytes]:
        def run(binary: HelmBinary, arguments: Sequence[str], *more: Any) -> bytes:
            if arguments[0] not in _CHANGES:
                return original(binary, arguments, *more)
            what = f"helm {arguments[0]} {arguments[1]}"
            self._pass(f"before {what}")
            ended = threading.Event()
            listening = threading.Thread(target=self._listen, args=(what, ended))
            listening.start()
            try:
                said = original(binary, arguments, *more)
            finally:
                ended.set()
                listening.join()
            self._pass(f"after {what}")
            return said

        return run

    def _listen(self, what: str, ended: threading.Event) -> None:
        """Hear of each change by helm from the API server's audit log."""
        number, line = 0, ""
        with (newest(PLANES) / "audit.log").open(encoding="utf-8") as log:
            log.seek(0, os.SEEK_END)
            while not ended.wait(_LOOK_SECONDS):
                while part := log.readline():
                    line += part
                    if not line.endswith("\n"):
                        continue
                    if _by_helm(json.loads(line)):
                        number += 1
                        self._pass(f"inside {what}: {number}")
                    line = ""


def _by_helm(event: dict[str, Any]) -> bool:
    return str(event.get("userAgent")).startswith("Helm/") and event["verb"] not in ("get", "list", "watch")


if __name__ == "__main__":
    dying = Dying(Boundaries(Path(sys.argv[1]), sys.argv[2]))
    client = kubernetes.client.ApiClient
    with (
        mock.patch.object(client, "call_api", dying.asking(client.call_api)),
        mock.patch.object(HelmBinary, "run", dying.running(HelmBinary.run)),
    ):
        sys.argv[1:] = sys.argv[3:]
        main()
