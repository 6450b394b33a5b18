"""The API server as its own components ask it: JSON, by the certificate of an administrator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from livekit_deploy.sandbox.cluster.objects.errors import ApiError

Obj = dict[str, Any]
_SECONDS, _WATCH_SECONDS = 30.0, 300
MANAGER = "tests"


class Wire:
    """Raises `ApiError` for what the API refuses."""

    def __init__(self, server: str, folder: Path) -> None:
        self._server = server
        self._pool = urllib3.PoolManager(
            retries=False,
            maxsize=32,
            ca_certs=str(folder / "ca.crt"),
            cert_file=str(folder / "admin.crt"),
            key_file=str(folder / "admin.key"),
        )

    def ask(self, verb: str, path: str, body: Obj | None = None, kind: str = "application/json", **query: str) -> Obj:
        """What it answers."""
        found: Obj = json.loads(self.answer(verb, path, body, kind, **query).data)
        return found

    def answer(
        self, verb: str, path: str, body: Obj | None = None, kind: str = "application/json", **query: str
    ) -> urllib3.BaseHTTPResponse:
        """The whole answer, with its headers."""
        where = f"{self._server}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(verb, where, body=data, headers={"Content-Type": kind}, timeout=_SECONDS)
        if answer.status >= 400:
            raise _refusal(answer)
        return answer

    def watch(self, path: str, version: str) -> Iterator[Obj]:
        """Events of a collection from a version on, until the API server ends it."""
        query = urlencode({"watch": "true", "resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)})
        answer = self._pool.request(
            "GET", f"{self._server}{path}?{query}", preload_content=False, timeout=_WATCH_SECONDS + 30.0
        )
        try:
            if answer.status >= 400:
                raise ApiError(answer.status, answer.read().decode(errors="replace"))
            rest = b""
            for part in answer.stream(1 << 16):
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    yield json.loads(line)
        finally:
            answer.close()


def _refusal(answer: urllib3.BaseHTTPResponse) -> ApiError:
    try:
        said = json.loads(answer.data)
    except ValueError:
        said = {"message": answer.data.decode(errors="replace")}
    return ApiError(answer.status, str(said.get("message")), str(said.get("reason") or ""))
