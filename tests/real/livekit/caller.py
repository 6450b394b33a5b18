"""Participants of calls, each a process of its own on a host of the world (`participant`)."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jwt

from livekit_deploy.aws.kinds.api_keys import Pair
from tests.real.livekit.network import Host

_PROGRAM = Path(__file__).with_name("participant.py")
_TREE = Path(__file__).parents[3]
#: an answer of the client that is on this machine, and a join: both take a second on a machine that is not busy
_ANSWERS, _JOINS = 60.0, 60.0


class NotJoined(Exception):
    """The client says that it cannot join; the text says why."""


def token(pair: Pair, room: str, identity: str) -> str:
    """A join token (LiveKit documentation, "Tokens and grants")."""
    return _signed(pair, identity, {"room": room, "roomJoin": True, "canPublish": True, "canSubscribe": True})


def admin(pair: Pair) -> str:
    """A token for the RoomService."""
    return _signed(pair, "admin", {"roomCreate": True, "roomList": True, "roomAdmin": True})


def _signed(pair: Pair, identity: str, grant: dict[str, Any]) -> str:
    now = int(time.time())
    claims = {"iss": pair.key, "sub": identity, "nbf": now - 5, "exp": now + 600, "video": grant}
    return jwt.encode(claims, pair.secret, algorithm="HS256")


class Caller:
    """A participant. ``relay`` lets it use nothing but TURN; ``turn`` is a TURN server (URL, user name, credential) in
    the place of those that LiveKit tells it."""

    def __init__(
        self, host: Host, hosts: Path, url: str, pass_: str, *, relay: bool = False, turn: Sequence[str] = ()
    ) -> None:
        said = {"url": url, "token": pass_, "relay": relay, "turn": list(turn), "hosts": str(hosts)}
        with host.namespace.inside():
            self._process = subprocess.Popen(
                [sys.executable, str(_PROGRAM), json.dumps(said)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(_TREE)},
                text=True,
            )
        self.events: list[dict[str, Any]] = []
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._new = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def joined(self) -> Caller:
        """Wait until it is in the room. Raises `NotJoined` and `TimeoutError`."""
        self.await_event("joined", _JOINS)
        return self

    def ask(self, command: str) -> dict[str, Any]:
        """The answer to a command of `participant`. Raises `RuntimeError` where it is an error."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        answer = self._answers.get(timeout=_ANSWERS)
        if "error" in answer:
            raise RuntimeError(str(answer["error"]))
        return answer

    @property
    def path(self) -> list[tuple[str, str, str, int]]:
        """The nominated pairs: type of our candidate; protocol, address and port of the server's."""
        return [(kind, protocol, address, port) for kind, protocol, address, port in self.ask("path")["pairs"]]

    def flows(self) -> dict[str, dict[str, float]]:
        """``data`` and ``sound``: how often they came since this was asked last, and the longest gap (seconds)."""
        return self.ask("flows")

    def hears(self, seconds: float = 30.0) -> None:
        """Wait until both data and sound have come. Raises `TimeoutError`."""
        end, count = time.monotonic() + seconds, {"data": 0.0, "sound": 0.0}
        while not all(count.values()):
            if time.monotonic() > end:
                raise TimeoutError(f"of what others send there came: {count}")
            time.sleep(0.1)
            for name, flow in self.flows().items():
                count[name] += flow["count"]

    def seen(self, event: str) -> list[float]:
        """When an event occurred (`time.monotonic`)."""
        return [one["at"] for one in self.events if one["event"] == event]

    def await_event(self, event: str, seconds: float) -> float:
        """When an event occurred first. Raises `TimeoutError`, and `NotJoined` when the client was refused."""
        with self._new:
            done = self._new.wait_for(lambda: self.seen(event) or self.seen("refused") or self._ended, seconds)
        if refused := [one["of"][0] for one in self.events if one["event"] == "refused"]:
            raise NotJoined(refused[0])
        if not done or not self.seen(event):
            raise TimeoutError(f"no {event} in {seconds:g} s: {self.events}")
        return self.seen(event)[0]

    def close(self) -> None:
        """Leave by ending the process."""
        self._process.kill()
        self._process.wait(10)
        self._reader.join(10)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    @property
    def _ended(self) -> bool:
        return self._process.poll() is not None

    def _read(self) -> None:
        for said in self._lines():
            with self._new:
                if "event" in said:
                    self.events.append(said)
                else:
                    self._answers.put(said["answer"])
                self._new.notify_all()
        with self._new:
            self._new.notify_all()

    def _lines(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                if line.startswith("{"):
                    yield json.loads(line)
        except ValueError:
            return  # it was closed
