"""The cluster's network as the API server sees it: a proxy that leads its connections to pods and nodes to us.

Source: Kubernetes, "Set up Konnectivity service" and the API server's EgressSelectorConfiguration (HTTPConnect).
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from tests.child import LOCAL

#: the local port behind an address of the cluster; None where nothing listens
Routes = Callable[[str, int], int | None]
_CHUNK, _HEAD = 1 << 16, 1 << 14


class Egress:
    """Serves HTTP CONNECT on the socket ``path`` until `stop`."""

    def __init__(self, path: Path, routes: Routes) -> None:
        self._routes = routes
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(connection,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and len(head) < _HEAD:
                if not (part := near.recv(_CHUNK)):
                    return
                head += part
            _, where, _ = head.split(b" ", 2)
            host, _, port = where.decode().rpartition(":")
            local = self._routes(host.strip("[]"), int(port))
            if local is None:
                near.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection((LOCAL, local)) as far:
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _pump(near, far)


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side ends."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in ready.select():
                source: socket.socket = key.fileobj  # type: ignore[assignment]
                if not (part := source.recv(_CHUNK)):
                    return
                key.data.sendall(part)
