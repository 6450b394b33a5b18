"""A load balancer of TCP connections on a host of its own, as far as calls can tell.

Like an ALB or NLB it sends new connections to the targets that are registered, ends TLS where it has a certificate, and
lets connections to a target that is taken out go on.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

from tests.real.livekit.network import Host


class Balancer:
    """Listens on ``port`` of ``host``; ``targets`` are addresses and ports and may be changed at any time.

    ``certified`` is how it ends TLS; ``trusting`` is how it speaks TLS to its targets, to that name.
    """

    def __init__(
        self,
        host: Host,
        port: int,
        targets: list[tuple[str, int]],
        *,
        certified: ssl.SSLContext | None = None,
        trusting: tuple[ssl.SSLContext, str] | None = None,
    ) -> None:
        self.host, self.port, self.targets = host, port, targets
        self._certified, self._trusting = certified, trusting
        with host.namespace.inside():
            self._listener = socket.create_server((host.address, port))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """For a client of the signalling."""
        return f"ws://{self.host.seen}:{self.port}"

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            if self._certified is not None:
                client = self._certified.wrap_socket(client, server_side=True)
            target = self._target()
        except OSError:
            client.close()
            return
        back = threading.Thread(target=_pump, args=(target, client), daemon=True)
        back.start()
        _pump(client, target)
        back.join()
        client.close()
        target.close()

    def _target(self) -> socket.socket:
        """A connection to the first target that takes one; the next client begins with the one after it."""
        for target in list(self.targets):
            self.targets.append(self.targets.pop(0))
            with suppress(OSError), self.host.namespace.inside():
                found = socket.create_connection(target, 2)
                found.settimeout(None)
                if self._trusting is None:
                    return found
                context, name = self._trusting
                return context.wrap_socket(found, server_hostname=name)
        raise ConnectionRefusedError("no target takes a connection")


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        source.shutdown(socket.SHUT_RDWR)
