"""A proxy in front of the sandbox's S3 that refuses on request, as a store that is down does."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_ERROR = b"<Error><Code>ServiceUnavailable</Code><Message>Reduce your request rate.</Message></Error>"
_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Proxy:
    """Passes on to ``endpoint`` whatever ``refuses(method, path)`` does not hold back with a 503."""

    def __init__(self, endpoint: str, refuses: Callable[[str, str], bool]) -> None:
        self._to, self._refuses = urlsplit(endpoint).netloc, refuses
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                proxy._answer(self)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_one

            def log_message(self, *_: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        status, headers, answer = 503, {}, _ERROR
        if not self._refuses(request.command, request.path):
            link = http.client.HTTPConnection(self._to, timeout=30)
            link.request(request.command, request.path, body, dict(request.headers))
            said = link.getresponse()
            status, headers, answer = said.status, dict(said.getheaders()), said.read()
            link.close()
        request.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOP:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

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
