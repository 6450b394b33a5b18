"""A nameserver and an HTTPS proxy through which clients reach LiveKit in the sandbox.

A client that goes through the proxy to ``livekit.example.com:443`` meets what it would meet on the Internet: the name
resolves through Route53 to a load balancer, that has a listener with a certificate for the name, and a target that
is healthy answers. Whatever is missing shows as it would there: no such name, connection refused, a wrong certificate,
503.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Protocol

from livekit_deploy.sandbox.outside.names import Nameserver
from livekit_deploy.sandbox.serving.authority import Authority

_WAIT_SECONDS = 20.0


class Refused(Exception):
    """The connection ends here; ``status`` is what the proxy says."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Behind(Protocol):
    """What is behind the door."""

    def lookup(self, name: str, kind: str) -> list[str] | None:
        """What DNS says."""

    def certificate(self, host: str, port: int) -> str:
        """The name on the certificate that a TLS client of ``host:port`` is shown; raises `Refused`."""

    def respond(self, host: str, port: int, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """The HTTP answer: status and body."""


class Door:
    """Nameserver and proxy; ``ca_bundle`` is the file with the authority."""

    def __init__(self, behind: Behind, folder: Path) -> None:
        self._authority = Authority("LiveKit sandbox")
        self.ca_bundle = folder / "outside.pem"
        self.ca_bundle.write_bytes(self._authority.pem)
        self._names = Nameserver(behind.lookup)
        self._proxy = _Proxy(behind, self._authority)

    def start(self) -> None:
        self._names.start()
        threading.Thread(target=self._proxy.serve_forever, daemon=True).start()

    @property
    def nameserver(self) -> str:
        return self._names.address

    @property
    def proxy(self) -> str:
        host, port = self._proxy.server_address[:2]
        return f"http://{host!s}:{port}"


class _Proxy(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, behind: Behind, authority: Authority) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.behind, self.authority = behind, authority


class _Connection(StreamRequestHandler):
    server: _Proxy
    timeout = _WAIT_SECONDS

    def handle(self) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            line, _ = _head(self.rfile)
            method, _, rest = line.partition(" ")
            target = rest.split(" ")[0]
            host, _, port = target.rpartition(":")
            if method != "CONNECT" or not port.isdigit():
                self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
                return
            try:
                name = self.server.behind.certificate(host.lower(), int(port))
            except Refused as refused:
                self.wfile.write(f"HTTP/1.1 {refused.status}\r\n\r\n".encode())
                return
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._serve(host.lower(), int(port), name)

    def _serve(self, host: str, port: int, name: str) -> None:
        context = self.server.authority.context(name)
        with context.wrap_socket(self.connection, server_side=True) as secure:
            secure.settimeout(_WAIT_SECONDS)
            stream = secure.makefile("rb")
            while True:
                line, headers = _head(stream)
                if not line:
                    return
                stream.read(int(headers.get("content-length", 0)))
                method, path = line.split(" ")[:2]
                status, body = self.server.behind.respond(host, port, method, path, headers)
                _answer(secure, status, body)
                if headers.get("connection", "").lower() == "close":
                    return


def _head(stream: object) -> tuple[str, dict[str, str]]:
    """The request line, "" at the end of the stream, and the headers in lower case."""
    lines = []
    while line := stream.readline(65536).decode("latin-1").rstrip("\r\n"):  # type: ignore[attr-defined]
        lines.append(line)
    pairs = (line.partition(":") for line in lines[1:])
    return (lines[0] if lines else ""), {key.strip().lower(): value.strip() for key, _, value in pairs}


def _answer(connection: socket.socket, status: int, body: bytes) -> None:
    kind = "application/json" if body.startswith(b"{") else "text/plain"
    head = f"HTTP/1.1 {status} Sandbox\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
