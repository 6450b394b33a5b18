"""Thousands of resources of a kind that costs nothing: what is left is the engine itself."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.base.clock import Clock
from livekit_deploy.engine.execute import Execution
from livekit_deploy.engine.inputs import Input, Inputs, Output
from livekit_deploy.engine.kinds import Kinds, named
from livekit_deploy.engine.planner import Planned, Planner
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.engine.run import Run
from livekit_deploy.engine.waits import Waits
from livekit_deploy.state.document import Holder, State
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import FileStore


class Nowhere:
    """A cloud in which everything is there at once."""

    def __init__(self) -> None:
        self.calls = self.mutating = 0
        self.made: dict[str, dict[str, Any]] = {}
        self.ownership = OwnershipTags("livekit", "bench")
        self.kinds: Kinds = named([Nothing])

    def remembering(self) -> Self:
        return self

    def knowing(self, recorded: Iterable[str]) -> Self:
        return self


class Nothing(Resource):
    """An object that is ready as soon as it is asked for."""

    kind = "bench.nothing"

    size: Input[int] = Input(default=1)
    parents: Inputs[str] = Inputs(default=())

    id = Output[str]()

    def read(self, cloud: Nowhere, id: str | None) -> Live | None:
        props = cloud.made.get(self.address)
        return None if props is None else Live(self.address, Status.READY, props, {"id": self.address})

    def create(self, cloud: Nowhere, token: str) -> str:
        cloud.made[self.address] = {"size": self.size, "parents": sorted(self.parents)}
        return self.address

    def delete(self, cloud: Nowhere, live: Live) -> None:
        del cloud.made[live.id]

    @classmethod
    def scan(cls, cloud: Any, host: Live | None) -> Iterator[Found]:
        if not isinstance(cloud, Nowhere):  # another test's cloud: the registry of kinds is one for all
            return
        for address, props in cloud.made.items():
            yield Found(address, Live(address, Status.READY, props, {"id": address}))


def graph(count: int) -> list[Resource]:
    """``count`` resources, each after up to three of those before it."""
    made: list[Resource] = []
    for number in range(count):
        parents = [made[number // step].id for step in (2, 3, 5) if number // step < number]  # type: ignore[attr-defined]
        made.append(Nothing(f"n{number}", parents=tuple(dict.fromkeys(parents))))
    return made


class ManyResources:
    """One environment of ``count`` resources with its state in a file."""

    def __init__(self, count: int, folder: Path) -> None:
        self.count, self.cloud = count, Nowhere()
        self._store = FileStore(folder / "bench.json")
        self.puts = 0

    def plan(self, resources: Sequence[Resource]) -> Planned:
        found = lease_of(self._store)
        return Planner(self.cloud, found[0] if found else None, "digest").up(resources)

    def up(self) -> None:
        holder = Holder("h", "u", "host", 1, "up", "2026-01-01T00:00:00Z", 90.0)
        session = Session.acquire(self._store, holder, lambda: State.new("bench", "bench"), lock_timeout=0)
        waits = Waits(Clock(), threading.Event(), session.lost)
        try:
            planned = Planner(self.cloud, session.state, "digest").up(graph(self.count))
            outcome = Execution(Run(self.cloud, session, waits, lambda event: None), planned).up()
        finally:
            session.release()
        assert outcome.clean, outcome
        self.puts = session.puts


def main(count: int) -> None:
    """Print seconds of the first up, its PUTs, seconds of a plan without change, and its peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        world = ManyResources(count, Path(folder))
        began = time.perf_counter()
        world.up()
        up = time.perf_counter() - began
        resources = graph(count)
        began = time.perf_counter()
        planned = world.plan(resources)
        plan = time.perf_counter() - began
        assert not planned.plan.changes
        tracemalloc.start()
        world.plan(graph(count))
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    sys.stdout.write(f"{up:.2f} {world.puts} {plan:.2f} {peak:.0f}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
