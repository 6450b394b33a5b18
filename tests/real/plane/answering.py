"""Small HTTPS servers of ours that the API server asks: about tokens, about what it admits, and for what pods say."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.child import LOCAL

Obj = dict[str, Any]
#: (status, what is said); called with the path and, of a POST, the body
Answer = tuple[int, Iterable[bytes]]


class Server(ThreadingHTTPServer):
    """Answers by ``answer`` with the certificate that ``context`` has; ``port`` is where."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Callable[[str, Obj], Answer], context: ssl.SSLContext) -> None:
        super().__init__((LOCAL, 0), _Handler)
        self.answer, self._context = answer, context
        self.port = int(self.server_address[1])
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The API server goes away when it is ended."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def _run(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        status, said = self.server.answer(self.path, json.loads(self.rfile.read(length)) if length else {})
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if self.command == "POST" else "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in said:
            if part:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = _run

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the API server's own log has it."""


def json_answer(body: Obj) -> Answer:
    return 200, [json.dumps(body).encode()]


def context(certificate: str, key: str) -> ssl.SSLContext:
    """Of a server with the pair in these files."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made
