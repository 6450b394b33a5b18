"""The server's side of a lost connection: closes it without an answer, at once or after the caller's timeout."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from livekit_deploy.sandbox.faults.plan import current

#: real seconds that a hanging call is held: longer than the time limit of any caller
PATIENCE = 60.0
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Connections:
    """WSGI middleware around moto's server."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return self._app(environ, start_response)
        except (ConnectionClosedError, ReadTimeoutError) as error:
            if isinstance(error, ReadTimeoutError):
                current.lifted.wait(PATIENCE)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError from error  # the server then gives the connection up
