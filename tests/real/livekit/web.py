"""HTTP from a host of the network."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from tests.real.livekit.network import Host


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


def connect(source: Host, address: str, port: int, seconds: float = 20.0) -> socket.socket:
    """A TCP connection that begins on ``source``."""
    with source.namespace.inside():
        return socket.create_connection((address, port), seconds)


def ask(
    source: Host,
    address: str,
    port: int,
    path: str = "/",
    *,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = 20.0,
) -> Answer:
    """GET, or POST of ``body``. Raises `OSError` and `http.client.HTTPException`."""
    connection = http.client.HTTPConnection(address)
    connection.sock = connect(source, address, port, seconds)
    try:
        connection.request("GET" if body is None else "POST", path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode(errors="replace"))
    finally:
        connection.close()
