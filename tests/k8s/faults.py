"""What a cluster's API does when something goes wrong, for real clients over TLS: refuses, loses, hangs."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from livekit_deploy.sandbox.cluster.api_server import front

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_whole = front._Handler._run


@dataclass(frozen=True)
class Fault:
    """An answer with this ``status``, or with 0 none at all; ``after`` it has taken effect."""

    name: str
    status: int = 0
    reason: str = ""
    after: bool = False
    hangs: bool = False


FAULTS = (
    Fault("500", 500, "InternalError"),
    Fault("503", 503, "ServiceUnavailable"),
    Fault("429 with Retry-After", 429, "TooManyRequests"),
    Fault("401, the token has expired", 401, "Unauthorized"),
    Fault("403", 403, "Forbidden"),
    Fault("409", 409, "Conflict"),
    Fault("reset before", 0),
    Fault("reset after", 0, after=True),
    Fault("hang", hangs=True),
)


@contextlib.contextmanager
def struck(fault: Fault, path: str, *, times: int | None, reads: bool = False) -> Iterator[list[str]]:
    """Every request below ``path`` that changes something (or every ``reads``) meets it, ``times`` or always.

    Gives the requests that met it.
    """
    met: list[str] = []
    over = threading.Event()

    def run(handler: Any) -> None:
        mine = path in handler.path and (handler.command == "GET") is reads
        if not mine or (times is not None and len(met) >= times):
            _whole(handler)
            return
        met.append(f"{handler.command} {handler.path}")
        body = handler._body()
        handler.close_connection = True
        if fault.after:
            handler.server.answer(handler.command, handler.path, handler.headers, body)
        if fault.hangs:
            over.wait()
        if fault.status:
            _refuse(handler, fault)
        else:
            with contextlib.suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)

    with contextlib.ExitStack() as patched:
        for method in _METHODS:
            patched.enter_context(mock.patch.object(front._Handler, f"do_{method}", run))
        patched.callback(over.set)
        yield met


def _refuse(handler: Any, fault: Fault) -> None:
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": fault.status, "reason": fault.reason}
    body = json.dumps({**said, "message": f"the API says {fault.reason}"}).encode()
    handler.send_response(fault.status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Connection", "close")
    handler.send_header("Content-Length", str(len(body)))
    if fault.status == 429:
        handler.send_header("Retry-After", "1")
    handler.end_headers()
    handler.wfile.write(body)
    handler.wfile.flush()
