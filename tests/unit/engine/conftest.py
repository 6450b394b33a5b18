"""The engine on a fake cloud: one call plans and applies a list of resources, as the Deployer does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from livekit_deploy.engine.execute import Execution
from livekit_deploy.engine.plan import Plan
from livekit_deploy.engine.planner import Planned, Planner
from livekit_deploy.engine.resource import Resource
from livekit_deploy.engine.run import Run
from livekit_deploy.engine.waits import Waits
from livekit_deploy.engine.walk import Outcome
from livekit_deploy.events import Emit, Event
from livekit_deploy.state.document import Holder, State
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import FileStore
from tests.fakes import FakeClock, FakeCloud


@dataclass
class Rig:
    """One environment's state and cloud; each `up` and `down` is a run with a lease of its own."""

    folder: Path
    cloud: FakeCloud = field(default_factory=FakeCloud)
    clock: FakeClock = field(default_factory=FakeClock)
    events: list[Event] = field(default_factory=list)
    cancel: threading.Event = field(default_factory=threading.Event)
    #: who hears the events in place of ``events``
    listener: Emit | None = None

    @property
    def store(self) -> FileStore:
        return FileStore(self.folder / "state.json", now=lambda: 1_000_000.0)

    def session(self) -> Session:
        holder = Holder("h", "u", "host", 1, "up", "2026-11-23T00:00:00Z", 0.0)
        holder = Holder(**{**holder.__dict__, "seconds": 90.0})
        self._expire()
        session = Session.acquire(self.store, holder, lambda: State.new("p", "e"), lock_timeout=0)
        self.cloud.lineage = session.state.lineage
        return session

    def _expire(self) -> None:
        """A dead holder's lease is over by now."""
        from livekit_deploy.state.edit import unlock
        from livekit_deploy.state.lease import lease_of

        if (found := lease_of(self.store)) is not None and found[1] is not None:
            unlock(self.store, found[1])

    def planned(self, session: Session, resources: Sequence[Resource], *targets: str, stage: str = "") -> Planned:
        return Planner(self.cloud, session.state, "digest").up(resources, targets, stage)

    def plan(self, resources: Sequence[Resource]) -> Plan:
        from livekit_deploy.state.lease import lease_of

        found = lease_of(self.store)
        return Planner(self.cloud, found[0] if found else None, "digest").up(resources).plan

    def down_plan(self) -> Plan:
        return Planner(self.cloud, self.state, "digest").down().plan

    def up(self, resources: Sequence[Resource], *targets: str, stage: str = "") -> Outcome:
        with self.execution(lambda session: self.planned(session, resources, *targets, stage=stage)) as execution:
            return execution.up()

    def down(self) -> Outcome:
        with self.execution(lambda session: Planner(self.cloud, session.state, "digest").down()) as execution:
            return execution.down()

    @contextmanager
    def execution(self, plan: Callable[[Session], Planned]) -> Iterator[Execution]:
        """What carries a plan out, under a lease of its own."""
        session = self.session()
        try:
            run = Run(
                self.cloud, session, Waits(self.clock, self.cancel, session.lost), self.listener or self.events.append
            )
            yield Execution(run, plan(session))
        finally:
            session.release()

    @property
    def state(self) -> State:
        from livekit_deploy.state.lease import lease_of

        found = lease_of(self.store)
        assert found is not None
        return found[0]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)
