"""LiveKit's signalling without its client: what a join brings that the client keeps to itself.

Source: livekit/protocol, livekit_rtc.proto (SignalResponse, JoinResponse, ICEServer).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import websocket

from livekit_deploy.aws.kinds.api_keys import Pair
from tests.real.livekit import web
from tests.real.livekit.caller import token
from tests.real.livekit.network import Host

_JOIN, _REFRESH_TOKEN, _ICE_SERVERS = 1, 16, 5
_TEXT = 2  # wire type of strings and messages
Field = tuple[int, bytes]


@dataclass(frozen=True)
class IceServer:
    """A STUN or TURN server that clients are told of."""

    urls: tuple[str, ...]
    username: str
    credential: str


class Joined:
    """A participant that has joined and says no more; ``ice_servers`` is what it was told."""

    def __init__(self, source: Host, address: str, port: int, pair: Pair, room: str, identity: str) -> None:
        path = f"ws://{address}:{port}/rtc?protocol=15&sdk=python&access_token={token(pair, room, identity)}"
        self._connection = _connected(source, address, port, path)
        self.ice_servers = tuple(_ice(value) for field, value in _fields(self._first(_JOIN)) if field == _ICE_SERVERS)

    @property
    def turn(self) -> dict[str, IceServer]:
        """What it was told of TURN, by URL."""
        return {url: server for server in self.ice_servers for url in server.urls if url.startswith("turn")}

    def refresh_token(self) -> str:
        """The token with which it may come back."""
        return self._first(_REFRESH_TOKEN).decode()

    def __enter__(self) -> Joined:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def _first(self, wanted: int, seconds: float = 20.0) -> bytes:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = self._connection.recv()
            for field, value in _fields(frame if isinstance(frame, bytes) else b""):
                if field == wanted:
                    return value
        raise TimeoutError(f"the server sent no message {wanted} in {seconds:g} s")


def _connected(source: Host, address: str, port: int, path: str, tries: int = 3) -> websocket.WebSocket:
    """A server whose machine is busy may answer late, or find that no server is free: it is asked again."""
    try:
        return websocket.create_connection(path, socket=web.connect(source, address, port), timeout=20)
    except (websocket.WebSocketTimeoutException, websocket.WebSocketBadStatusException) as error:
        if tries == 1 or getattr(error, "status_code", 500) != 500:
            raise
    return _connected(source, address, port, path, tries - 1)


def _ice(message: bytes) -> IceServer:
    found = list(_fields(message))
    text = {field: value.decode() for field, value in found}
    return IceServer(tuple(value.decode() for field, value in found if field == 1), text.get(2, ""), text.get(3, ""))


def _fields(message: bytes) -> Iterator[Field]:
    """The strings and messages in a message of protobuf."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        kind = key & 7
        if kind == _TEXT:
            size, at = _number(message, at)
            yield key >> 3, message[at : at + size]
            at += size
        elif kind == 0:
            _, at = _number(message, at)
        else:
            at += {1: 8, 5: 4}[kind]


def _number(message: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        byte = message[at]
        found |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return found, at
