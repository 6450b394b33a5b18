"""A bomb in botocore, and a rig whose process it ends: nothing that comes after is sent or written."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from moto import mock_aws

from livekit_deploy.aws.cloud import mutates
from livekit_deploy.engine.execute import Execution
from livekit_deploy.engine.resource import Resource, kinds
from livekit_deploy.sandbox.aws.install import install
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.state.edit import unlock
from livekit_deploy.state.session import lease_of
from livekit_deploy.state.store import FileStore
from tests.aws.rig import AwsRig


class Killed(BaseException):
    """The process ends here."""


class Bomb:
    """Goes off at the n-th boundary: each mutating call has one before and one after it."""

    def __init__(self) -> None:
        self.at, self.seen, self.dead = -1, 0, False

    def arm(self, at: int) -> None:
        self.at, self.seen, self.dead = at, 0, False

    def boundary(self) -> None:
        if self.dead:
            raise Killed
        if self.at == self.seen:
            self.dead = True
            raise Killed
        self.seen += 1

    def watch(self, client: Any) -> None:
        client.meta.events.register("before-call.*.*", self._passes)
        client.meta.events.register("after-call.*.*", self._passes)

    def _passes(self, model: Any, **_: Any) -> None:
        if self.dead:
            raise Killed
        if mutates(model.name):
            self.boundary()


class MortalStore(FileStore):
    """A state file that a dead process does not write any more."""

    bomb: Bomb

    def put(self, *args: Any, **more: Any) -> Any:
        if self.bomb.dead:
            raise Killed
        return super().put(*args, **more)


class KillRig(AwsRig):
    """The engine and the kinds on the sandbox's AWS, with a bomb in every client."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.restart()

    def restart(self) -> None:
        """The next process: what is left of the last one meets its own bomb, which has gone off, for ever."""
        bomb = self.bomb = Bomb()
        super().__init__(self._folder, "dev")

        def watch(client: Any) -> None:
            self._watch(client)
            bomb.watch(client)  # a client that the dead process still makes has the bomb of that process

        self.clients._instrument = watch
        store = MortalStore(self._folder / "dev.json", now=lambda: 1_000_000.0)
        store.bomb = self.bomb
        self._store = store

    def run(self, verb: str, resources: Sequence[Resource]) -> bool:
        """Run until the end or the bomb; whether it came to its end."""
        found = lease_of(self._store)
        if found is not None and found[1] is not None:
            unlock(self._store, found[1])  # a dead holder's lease has run out by now
        session = None
        try:
            session = self._session()
            planner = self._planner()
            planned = planner.up(resources) if verb == "up" else planner.down()
            execution = Execution(self._run(session), planned)
            outcome = execution.up() if verb == "up" else execution.down(kinds().values())
        except Killed:
            assert session is not None
            session.abandon()
            self._settle()
            return False
        session.release()
        for error in outcome.failed.values():
            raise error
        return True

    def _settle(self) -> None:
        """What was on the wire arrives: AWS acts on it although nobody is there to hear the answer."""
        arrived = threading.Event()
        while self.cloud.mutating:
            arrived.wait(0.01)


@contextlib.contextmanager
def world() -> Iterator[None]:
    """A sandbox's AWS of its own, instant, in this process."""
    install(SandboxClock(math.inf))
    with mock_aws():
        yield
