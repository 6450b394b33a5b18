"""The sandbox's log of requests to AWS, which tests count."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_READS = ("Describe", "List", "Get", "Head", "Lookup", "Search", "Simulate", "Decode", "Test", "Assume")
_SAFE = ("GET", "HEAD", "OPTIONS")


class CallLog:
    """WSGI middleware that notes service, operation and account of each call; `calls` gives them in order."""

    def __init__(self, app: Wsgi) -> None:
        self._app, self._lock = app, threading.Lock()
        self._calls: list[dict[str, Any]] = []
        self.last = time.monotonic()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.last = time.monotonic()
        noted = _described(environ)

        def started(status: str, headers: Any, exc_info: Any = None) -> Any:
            noted["status"] = int(status.split()[0])
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        with self._lock:
            self._calls.append(noted)
        return self._app(environ, started)

    def calls(self) -> list[dict[str, Any]]:
        """Every call since the last `clear`: at, service, operation, mutating, account, status."""
        with self._lock:
            return list(self._calls)

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()


def _described(environ: dict[str, Any]) -> dict[str, Any]:
    scope = _scope(environ)
    operation = _operation(environ)
    named = operation is not None
    mutating = not operation.startswith(_READS) if operation else environ["REQUEST_METHOD"] not in _SAFE
    return {
        "at": time.time(),
        "service": scope[3] if len(scope) > 3 else "",
        "operation": operation if named else f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}",
        "mutating": mutating,
        "account": scope[0][-12:] if scope else "",
        "status": 0,
    }


def _scope(environ: dict[str, Any]) -> list[str]:
    """``key/date/region/service/aws4_request`` of a signed request (AWS, Signature Version 4)."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    if "Credential=" not in header:
        query = parse_qs(environ.get("QUERY_STRING", ""))
        return str(query.get("X-Amz-Credential", [""])[0]).split("/")
    return str(header).split("Credential=")[1].split(",")[0].split("/")


def _operation(environ: dict[str, Any]) -> str | None:
    """The operation's name where the protocol sends one: in a header (JSON) or in the form (query)."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if "x-www-form-urlencoded" not in environ.get("CONTENT_TYPE", ""):
        return None
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    actions = parse_qs(body.decode("utf-8", "replace")).get("Action")
    return actions[0] if actions else None


def answer(value: Any, start_response: Callable[..., Any]) -> list[bytes]:
    """A JSON answer of the sandbox itself."""
    body = json.dumps(value).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
