"""What goes wrong between a session and its store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from livekit_deploy.base.clock import utc_now
from livekit_deploy.errors import StateError
from livekit_deploy.state import session as sessions
from livekit_deploy.state.document import Holder, Phase, Record, State, load
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import Store, Stored
from tests.contract.stores import Timed

THING = Record(Phase.CREATING, "a.thing", {"size": 1}, token="0" * 32)
Put = Callable[[bytes, str | None], str]


class Attacked(Timed):
    """A store whose next writes go through ``attacks``, one each; each is given the real `put`."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.attacks: list[Callable[[Put, bytes, str | None], str]] = []
        self.forever: Callable[[Put, bytes, str | None], str] | None = None
        self.keeps_copies = True
        self.blind = False  #: whether nothing can be read

    def put(self, body: bytes, expected: str | None) -> str:
        attack = self.attacks.pop(0) if self.attacks else self.forever
        return attack(super().put, body, expected) if attack else super().put(body, expected)

    def get(self) -> Stored | None:
        if self.blind:
            raise StateError("s3:get_object: Connection was closed. (ConnectionClosedError)")
        return super().get()

    def archive(self, name: str, body: bytes) -> None:
        if not self.keeps_copies:
            raise StateError("s3:put_object: Access Denied (AccessDenied)")
        super().archive(name, body)


def holder(name: str, seconds: float = 90.0) -> Holder:
    return Holder(name, name, "laptop", 42, "up", utc_now(), seconds)


def new() -> State:
    return State.new("livekit", "uat")


def acquire(store: Any, name: str = "ada", **options: Any) -> Session:
    given = holder(name, options.pop("seconds", 90.0))
    return Session.acquire(store, given, new, lock_timeout=options.pop("lock_timeout", 0), **options)


def stored(store: Attacked) -> State:
    found = store.get()
    assert found is not None
    return load(found.body, "here")


class Machine:
    """A boot clock that a test moves: a stall is time that passes while nothing runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = 0.0
        monkeypatch.setattr(sessions, "boot_clock", lambda: self.at)

    @staticmethod
    def without_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is written but what the test writes."""
        monkeypatch.setattr(Session, "_until_renewal", lambda self: None)
        monkeypatch.setattr(Session, "_await_renewal", lambda self, bound: None)
