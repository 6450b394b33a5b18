"""A proxy in front of the sandbox's S3 that does to requests what networks and S3 do at their worst."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_CODES = {
    "409": "ConditionalRequestConflict",
    "412": "PreconditionFailed",
    "500": "InternalError",
    "503": "ServiceUnavailable",
}
_HOP = {"host", "connection", "transfer-encoding", "content-length", "keep-alive"}


class Proxy:
    """Passes on to ``endpoint`` what ``fault(method, path)`` says nothing about.

    A fault is a status with which nothing is done, ``reset`` (the connection ends before the effect), ``lost`` (it
    ends after the effect), ``500 after`` (the effect, and then an error) or ``slow`` (the answer takes a second).
    """

    def __init__(self, endpoint: str, fault: Callable[[str, str], str | None]) -> None:
        self._to, self._fault = urlsplit(endpoint).netloc, fault
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                proxy._answer(self)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_one

            def log_message(self, *_: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault = self._fault(request.command, request.path)
        if fault in _CODES:
            return _say(request, int(fault), {}, _error(fault))
        if fault == "reset":
            request.close_connection = True
            return None
        status, headers, answer = self._passed_on(request, body)
        if fault == "lost":
            request.close_connection = True
        elif fault == "500 after":
            _say(request, 500, {}, _error("500"))
        else:
            if fault == "slow":
                threading.Event().wait(1.0)
            _say(request, status, headers, answer)
        return None

    def _passed_on(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        link = http.client.HTTPConnection(self._to, timeout=30)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
            link.request(request.command, request.path, body, headers)
            said = link.getresponse()
            return said.status, dict(said.getheaders()), said.read()
        finally:
            link.close()

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its address, while it answers."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self.url
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _error(status: str) -> bytes:
    code = _CODES[status]
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def _say(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], answer: bytes) -> None:
    request.send_response_only(status)
    for name, value in headers.items():
        if name.lower() not in _HOP:
            request.send_header(name, value)
    request.send_header("Content-Length", str(len(answer)))
    request.end_headers()
    request.wfile.write(answer)
