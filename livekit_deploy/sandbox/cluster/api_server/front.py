"""HTTPS in front of the API, with a certificate of the cluster's own authority, and token authentication."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import select
import socket
import ssl
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.api_server.api import Answer, Api, refusal
from livekit_deploy.sandbox.cluster.api_server.disturbances import Disturbances
from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.port import CloudPort
from livekit_deploy.sandbox.serving.authority import Authority
from livekit_deploy.sandbox.serving.hosts import at_home

_HOST = "127.0.0.1"
_IDLE_SECONDS = 120.0
_logger = logging.getLogger(__name__)


class Front(ThreadingHTTPServer):
    """The server of one cluster; ``endpoint`` and ``ca_data`` (base64 of PEM) are what EKS tells of it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: Api, port: CloudPort, clock: SandboxClock) -> None:
        super().__init__((_HOST, 0), _Handler)
        self.api, self.port, self.disturbances = api, port, Disturbances(clock)
        self.stopping = threading.Event()
        authority = Authority("sandbox cluster")
        self._context = authority.context(_HOST, "localhost")
        self.endpoint = f"https://{_HOST}:{self.server_address[1]}"
        self.ca_data = base64.b64encode(authority.pem).decode()

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def stop(self) -> None:
        """End it, open watches included. Later connections are refused; requests in progress are not waited for."""
        self.stopping.set()
        with contextlib.suppress(OSError):  # only Linux can wake the server's loop so, elsewhere it looks by itself
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection; its own thread makes the handshake, so that a slow one holds nobody up."""
        connection, address = super().get_request()
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is not an error; anything else is one of ours."""
        if not isinstance(sys.exception(), OSError):
            _logger.exception("a connection failed")

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        """Let the caller in or not, and answer."""
        if not at_home(headers.get("Host"), self.server_address[1]):
            return refusal(ApiError(421, "Misdirected Request"))
        try:
            self.disturbances.meet(method, target.partition("?")[0])
        except ApiError as error:
            return refusal(error)
        token = (headers.get("Authorization") or "").removeprefix("Bearer ")
        caller = self.port.authenticate(token) if token else None
        if caller is None:
            return refusal(ApiError(401, "Unauthorized"))
        if not caller.groups:
            return refusal(ApiError(403, f'User "{caller.username}" cannot {method} {target.partition("?")[0]}'))
        return self.api.handle(method, target, headers, body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = _IDLE_SECONDS
    server: Front

    def handle(self) -> None:
        """Serve a connection; its handshake comes with what is read first."""
        self.server.disturbances.greet()
        super().handle()

    def _run(self) -> None:
        body = self._body()
        if self.server.stopping.is_set():  # a connection that was kept alive outlives the server's socket
            self.close_connection = True
            return
        answer = self.server.answer(self.command, self.path, self.headers, body)
        with contextlib.suppress(OSError, ssl.SSLError):
            self.send_response(answer.code)
            if answer.content_type:
                self.send_header("Content-Type", answer.content_type)
            self.send_header("Audit-Id", str(uuid.uuid4()))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            for warning in answer.warnings:
                self.send_header("Warning", f"299 - {json.dumps(warning)}")
            if answer.stream is not None:
                self._stream(answer)
                return
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            self.wfile.flush()
            return
        self.close_connection = True

    def finish(self) -> None:
        """As usual; of a client that is gone nothing stays open either, where what it was to be told is lost."""
        try:
            super().finish()
        finally:
            self.rfile.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _run

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _stream(self, answer: Answer) -> None:
        assert answer.stream is not None
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for line in answer.stream:
            if line is not None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
            elif self.server.stopping.is_set() or self._left():
                return
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _left(self) -> bool:
        """Whether the client of a stream is gone: it has nothing to say, so all there is to read is its end."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(0))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the sandbox keeps its own record of calls."""
