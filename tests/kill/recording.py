"""One undisturbed run, at whose boundaries the world is copied: in each copy the process has just died, and goes on.

All that is left in a copy is the thread that met the boundary; the process that died in it is never heard of again,
and new ones are started on what it left behind: with the file of the run that died, or with another one.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest import mock

from livekit_deploy.config import Environment
from livekit_deploy.engine import walk
from livekit_deploy.engine.plan import Plan
from livekit_deploy.k8s import finalizers
from livekit_deploy.k8s.helm import release
from livekit_deploy.operations.report import Report
from tests.inventory import inventory
from tests.kill.copies import Copies, Copy
from tests.kill.world import KillAccount, controller_is_refused

LATER = 3600.0  # real seconds between a death and the next run: by then every lease is over
RECORDING_SECONDS = 3600.0  # of a run with all the recoveries beside it
_THREADS = 4  # enough to get in each other's way: more of them only wait for AWS, which answers one call at a time
#: checked before a run, it reads the account under its lease only, and not once more before it
_NOTHING = Plan(command="up", lineage=None, serial=0, digest="", all=())
Set = dict[str, int]
#: what is run after a death: commands, each with the file that it finds
Steps = tuple[tuple[str, Environment], ...]


def on_the_same(env: Environment) -> dict[str, Steps]:
    """The ways on for whoever changes nothing in the file."""
    return {"up": (("up", env),), "down": (("down", env),)}


@dataclass
class Result:
    """How the world was after a death at a boundary and a run that went on: ``left`` is what it should not hold."""

    number: int
    boundary: str
    then: str
    error: str = ""
    everything: Set = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class Recording:
    """Runs ``verb`` once, and the recoveries beside it.

    ``wanted`` gives for each boundary the names of those ``ways`` on that are to be gone after a death there.
    With ``reads`` the boundaries are calls that change nothing.
    """

    def __init__(
        self,
        world: KillAccount,
        env: Environment,
        before: dict[str, set[str]],
        wanted: Callable[[int], tuple[str, ...]],
        *,
        ways: Mapping[str, Steps] | None = None,
        reads: bool = False,
    ) -> None:
        self._world, self._env, self._before = world, env, before
        self._ways = ways or on_the_same(env)
        self._wanted, self._reads = wanted, reads
        self.seen = 0
        self._copies = Copies()
        self._found: dict[str, Copy] = {}
        self._moved: tuple[int, int] = (0, 0)
        self._recoveries: list[tuple[int, str, str, Copy]] = []

    @property
    def results(self) -> list[Result]:
        return [_result(*recovery) for recovery in self._recoveries]

    def run(self, verb: str) -> Report:
        """To its end; nothing that happened beside it has touched it."""
        gc.collect()
        gc.freeze()
        deployer = self._world.deployer(self._env, self._world.watched())
        self._world.passing = self._passes
        try:
            with _one_at_a_time():
                return deployer.up() if verb == "up" else deployer.down()
        finally:
            self._world.passing = None
            self._copies.hear_all()

    def _passes(self, boundary: str, mutating: bool) -> None:
        if mutating is self._reads:
            return
        number, self.seen = self.seen, self.seen + 1
        moved = (number + 1) // 2, self._world.clock.waits  # the world after one change is the world before the next
        if moved != self._moved:
            self._found, self._moved = {}, moved
        for then in self._wanted(number):
            if then not in self._found:
                self._found[then] = self._copies.start(partial(self._next_run, then))
            self._recoveries.append((number, boundary, then, self._found[then]))

    def _next_run(self, then: str) -> dict[str, Any]:
        """In the copy: the process is dead, and some time later another one starts."""
        self._world.passing = None
        walk.MOST_THREADS = _THREADS
        # the cluster dates what is deleted by a clock that does not run ahead with the world's
        waited = timedelta() if controller_is_refused() else finalizers.PATIENCE
        with mock.patch.object(release, "datetime", _Later), mock.patch.object(finalizers, "PATIENCE", waited):
            ends = [go_on(self._world, env, verb, self._before, later=LATER) for verb, env in self._ways[then]]
        return {**ends[-1], "left": [what for end in ends for what in end["left"]]}


def _result(number: int, boundary: str, then: str, copy: Copy) -> Result:
    try:
        return Result(number, boundary, then, **copy.result())
    except AssertionError as error:
        return Result(number, boundary, then, error=str(error))


def go_on(
    world: KillAccount, env: Environment, then: str, before: dict[str, set[str]], later: float = 0.0
) -> dict[str, Any]:
    """Run `up` to where a plan is empty, or `down` to where nothing is left but what was there ``before``."""

    def deployer() -> Any:
        return world.deployer(env, world.fresh, later)

    if then == "up":
        run = deployer()
        run.check(_NOTHING)
        run.up()
        left = [f"{change.action.value} {change.address}" for change in deployer().plan().changes]
        now = inventory()
    else:
        report = deployer().down()
        now = inventory()
        extra = [f"{what} {id}" for what, ids in now.items() for id in sorted(ids - before.get(what, set()))]
        missing = [f"no more {what} {id}" for what, ids in before.items() for id in sorted(ids - now.get(what, set()))]
        left = [*report.leftovers, *extra, *missing]
    state = deployer().lease()
    addresses = sorted(state[0].records) if state else []
    return {"everything": how_many(now), "addresses": addresses, "left": left}


def how_many(of: dict[str, set[str]] | None = None) -> Set:
    """Of everything there is, or was when this was seen."""
    return {what.split()[0]: len(ids) for what, ids in (of or inventory()).items()}


class _Later(datetime):
    """The clock of a process that starts when every lease is over."""

    @classmethod
    def now(cls, tz: Any = None) -> _Later:
        found = datetime.now(tz) + timedelta(seconds=LATER)
        return cls.fromtimestamp(found.timestamp(), tz)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Resources are made one after the other: the same run each time, with the most boundaries that it can have."""
    with mock.patch.object(walk, "MOST_THREADS", 1):
        yield
