"""One undisturbed run, at whose boundaries the world is copied: in each copy the process has just died, and goes on.

A copy is a fork. All that is left in it is the thread that met the boundary; the process that died in it is never
heard of again, and a new one is started on what it left behind. Nobody is inside AWS or a cluster at that moment
(`world.lock`), so that no lock of theirs is held for ever.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from livekit_deploy.config import Environment
from livekit_deploy.engine import walk
from livekit_deploy.engine.plan import Plan
from livekit_deploy.k8s import helm
from livekit_deploy.report import Report
from tests.inventory import inventory
from tests.kill import world as worlds
from tests.kill.world import World

LATER = 3600.0  # real seconds between a death and the next run: by then every lease is over
_RECOVERY_SECONDS = 300.0
RECORDING_SECONDS = 3600.0  # of a run with all the recoveries beside it
_THREADS = walk.MOST_THREADS
#: checked before a run, it reads the account under its lease only, and not once more before it
_NOTHING = Plan(command="up", lineage=None, serial=0, digest="", all=())
Set = dict[str, int]


def in_child(work: Callable[[], Any], seconds: float = _RECOVERY_SECONDS) -> Any:
    """What ``work`` returns in a copy of this process, as JSON carries it; raises AssertionError with its traceback.

    It is ended when it has said nothing for so many seconds.
    """
    ours, theirs = os.pipe()
    with worlds.lock:
        pid = os.fork()
    if pid == 0:
        said: dict[str, Any] = {}
        try:
            gc.disable()  # it would copy every page of the parent's for the sake of a second
            os.close(ours)
            said = {"result": work()}
        except BaseException:  # noqa: BLE001 - it is told to the parent, and the copy ends here
            said = {"error": traceback.format_exc()}
        finally:
            try:
                with os.fdopen(theirs, "wb") as pipe:
                    pipe.write(json.dumps(said or {"error": "it ended without a word"}).encode())
            finally:
                os._exit(0)  # or the copy would go on as a second pytest, on the channel of the first
    os.close(theirs)
    said = json.loads(_read(ours, pid, seconds) or b'{"error": "it did not end"}')
    if "error" in said:
        raise AssertionError(said["error"])
    return said["result"]


def _read(pipe: int, pid: int, seconds: float) -> bytes:
    found = b""
    with os.fdopen(pipe, "rb", buffering=0) as file:
        while select.select([file], [], [], seconds)[0]:
            part = file.read(1 << 16)
            if not part:
                break
            found += part
        else:
            os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return found


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

    ``wanted`` gives for each boundary what is to be done after a death there: ``up``, ``down``, both or nothing.
    With ``reads`` the boundaries are calls that change nothing.
    """

    def __init__(
        self,
        world: World,
        env: Environment,
        before: dict[str, set[str]],
        wanted: Callable[[int], tuple[str, ...]],
        *,
        reads: bool = False,
    ) -> None:
        self._world, self._env, self._before = world, env, before
        self._wanted, self._reads = wanted, reads
        self.seen = self.copies = 0
        self._found: dict[str, Result] = {}
        self._moved: tuple[int, int] = (0, 0)
        self.results: list[Result] = []

    def run(self, verb: str) -> Report:
        """To its end; nothing that happened beside it has touched it."""
        gc.collect()
        gc.freeze()
        deployer = self._world.deployer(self._env, self._world.watched(self._world.clients()))
        self._world.passing = self._passes
        try:
            with _one_at_a_time():
                return deployer.up() if verb == "up" else deployer.down()
        finally:
            self._world.passing = None

    def _passes(self, boundary: str, mutating: bool) -> None:
        if mutating is self._reads or threading.current_thread().name.startswith("ThreadPool"):
            return
        number, self.seen = self.seen, self.seen + 1
        moved = (number + 1) // 2, self._world.clock.waits  # the world after one change is the world before the next
        if moved != self._moved:
            self._found, self._moved = {}, moved
        for then in self._wanted(number):
            if then not in self._found:
                self._found[then] = self._recovered(number, boundary, then)
            self.results.append(replace(self._found[then], number=number, boundary=boundary))

    def _recovered(self, number: int, boundary: str, then: str) -> Result:
        self.copies += 1
        try:
            return Result(number, boundary, then, **in_child(lambda: self._next_run(then)))
        except AssertionError as error:
            return Result(number, boundary, then, error=str(error))

    def _next_run(self, then: str) -> dict[str, Any]:
        """In the copy: the process is dead, and some time later another one starts."""
        self._world.passing = None
        walk.MOST_THREADS = _THREADS
        with mock.patch.object(helm, "datetime", _Later):
            return go_on(self._world, self._env, then, self._before, later=LATER)


def go_on(world: World, env: Environment, then: str, before: dict[str, set[str]], later: float = 0.0) -> dict[str, Any]:
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
