"""A cloud of one kind of thing, in memory, with scripted faults, and a clock that only moves when somebody waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.base.clock import Clock
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output
from livekit_deploy.engine.kinds import Kinds
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import Absent, InUse, ResourceError
from tests.kinds import kinds


class FakeClock(Clock):
    """Moves by what is waited for, at once."""

    def __init__(self) -> None:
        super().__init__()
        self._now, self._lock = 0.0, threading.Lock()

    def now(self) -> float:
        return self._now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.advance(max(0.0, seconds))
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass, as if something took it."""
        with self._lock:
            self._now += seconds


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Thing:
    """One object of the fake cloud; ``polls`` is how many reads it still takes to settle."""

    id: str
    address: str
    lineage: str
    token: str
    props: dict[str, Any]
    polls: int
    deleting: bool = False
    failed: str = ""
    born: str = ""


@dataclass
class FakeCloud:
    """What `Fake` talks to. ``bomb`` counts down the boundaries before and after each mutating call."""

    lineage: str | None = None
    polls: int = 2
    things: dict[str, Thing] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    ownership: OwnershipTags = field(default_factory=lambda: OwnershipTags("livekit", "fake"))
    calls: int = 0
    mutating: int = 0
    bomb: int = -1
    errors: dict[tuple[str, str], list[ResourceError]] = field(default_factory=dict)
    lost: set[tuple[str, str]] = field(default_factory=set)
    dead: bool = False
    #: is told of each change before it is made
    witness: Callable[[str, str], None] = lambda verb, address: None
    made: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    kinds: Kinds = field(default_factory=kinds)

    def remembering(self) -> Self:
        return self

    def knowing(self, recorded: Iterable[str]) -> Self:
        return self

    def boundary(self) -> None:
        if self.dead:
            raise Killed
        if self.bomb >= 0:
            self.bomb -= 1
            if self.bomb < 0:
                self.dead = True
                raise Killed

    def mutate(self, verb: str, address: str) -> None:
        with self.lock:
            self.boundary()
            self.witness(verb, address)
            self.log.append((verb, address))
            if pending := self.errors.get((verb, address)):
                raise pending.pop(0)

    def answered(self, verb: str, address: str) -> None:
        with self.lock:
            self.boundary()
            if (verb, address) in self.lost:
                self.lost.discard((verb, address))
                raise ResourceError("connection reset", code="ConnectionClosedError")


class Fake(Resource):
    """A thing with one input of every class."""

    kind = "fake.thing"
    timeout = 600.0
    usual = 20.0
    size: Input[int] = Input(api="Size", default=1)
    wanted: Input[int] = Input(api="Wanted", change=Change.CREATE_ONLY, default=1)
    cidr: Input[str] = Input(api="Cidr", change=Change.FIXED, default="10.0.0.0/16", way_out="make another environment")
    parents: Inputs[str] = Inputs(api="Parents", default=())
    version: Input[str] = Input(default="1")
    id = Output[str]()

    def differs(self, key: str, want: Any, have: Any) -> bool:
        if key == "version":
            return not str(have).startswith(str(want))
        return super().differs(key, want, have)

    def _live(self, cloud: FakeCloud, thing: Thing) -> Live:
        if thing.polls > 0:
            thing.polls -= 1
            status = Status.DELETING if thing.deleting else Status.PENDING
        else:
            status = Status.FAILED if thing.failed else Status.READY
        props = {key: value for key, value in thing.props.items() if key != "wanted"}
        return Live(thing.id, status, props, {"id": thing.id}, thing.failed or "on its way", made=thing.born)

    @classmethod
    def _sweep(cls, cloud: FakeCloud) -> None:
        for thing in [t for t in cloud.things.values() if t.deleting and t.polls <= 0]:
            del cloud.things[thing.id]

    def read(self, cloud: FakeCloud, id: str | None) -> Live | None:
        with cloud.lock:
            if cloud.dead:
                raise Killed
            cloud.calls += 1
            self._sweep(cloud)
            mine = [t for t in cloud.things.values() if t.id == id] or [
                t for t in cloud.things.values() if t.address == self.address and t.lineage == cloud.lineage
            ]
            return self._live(cloud, mine[0]) if mine else None

    def create(self, cloud: FakeCloud, token: str) -> str:
        cloud.mutate("create", self.address)
        with cloud.lock:
            same = [t for t in cloud.things.values() if t.token == token]
            if not same:
                cloud.made += 1
                props = {key: list(v) if isinstance(v := getattr(self, key), tuple) else v for key in self.inputs}
                if "parents" in props:
                    props["parents"] = sorted(props["parents"])
                same = [Thing(f"t-{cloud.made}", self.address, str(cloud.lineage), token, props, cloud.polls)]
                cloud.things[same[0].id] = same[0]
        cloud.answered("create", self.address)
        return same[0].id

    def update(self, cloud: FakeCloud, live: Live, changed: frozenset[str]) -> None:
        cloud.mutate("update", self.address)
        key = min(changed)
        value = getattr(self, key)
        cloud.things[live.id].props[key] = sorted(value) if isinstance(value, tuple) else value
        cloud.things[live.id].polls = cloud.polls
        cloud.answered("update", self.address)

    def delete(self, cloud: FakeCloud, live: Live) -> None:
        cloud.mutate("delete", self.address)
        with cloud.lock:
            if live.id not in cloud.things:
                raise Absent("gone")
            if holders := [t.address for t in cloud.things.values() if live.id in t.props.get("parents", ())]:
                raise InUse(f"in use by {holders}", blockers=holders)
            cloud.things[live.id].deleting = True
            cloud.things[live.id].polls = cloud.polls
        cloud.answered("delete", self.address)

    @classmethod
    def scan(cls, cloud: FakeCloud, host: Live | None) -> Iterable[Found]:
        with cloud.lock:
            if cloud.dead:
                raise Killed
            cloud.calls += 1
            cls._sweep(cloud)
            return [
                Found(t.address, cls(t.address.partition("/")[2])._live(cloud, t))
                for t in cloud.things.values()
                if t.lineage == cloud.lineage and t.address.startswith(cls.kind + "/")
            ]


class FakePool(Fake):
    """A thing whose zone is part of its name, and which lives in a host where one is given."""

    kind = "fake.pool"
    zone: Input[str] = Input(api="Zone", change=Change.IMMUTABLE, default="a")
    template: Input[str | None] = Input(change=Change.IMMUTABLE, default=None)
