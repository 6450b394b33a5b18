"""What a resource is outlived by: it may be made before that is there, is not ready without it, and goes first."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest

from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import ConfigError, Failed, ResourceError, UsageError
from livekit_deploy.events import Done, Event, ResourceFailed
from livekit_deploy.operations.report import Report
from tests.fakes import Fake, FakeClock, FakePool
from tests.unit.engine.conftest import Rig

RELEASE, NODES, GATE = "fake.thing/release", "fake.thing/nodes", "fake.thing/gate"


class Together(FakeClock):
    """Time passes only when everybody who runs waits for it; the release and its ground do, until that has ended."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__()
        self._events, self._turn, self._until = events, threading.Condition(), dict[int, float]()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        with self._turn:
            self._until[threading.get_ident()] = end = self._now + seconds
            self._pass()
            assert self._turn.wait_for(lambda: self._now >= end, timeout=30)
            del self._until[threading.get_ident()]
        return event.is_set()

    def hear(self, event: Event) -> None:
        with self._turn:
            self._events.append(event)
            self._pass()

    def _pass(self) -> None:
        over = any(isinstance(e, Done | ResourceFailed) and e.address in (NODES, RELEASE) for e in self._events)
        failed = any(isinstance(e, ResourceFailed) for e in self._events)
        if len(self._until) >= (1 if over or failed else 2):
            self._now = max(self._now, min(self._until.values()))
            self._turn.notify_all()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    rig.clock = clock = Together(rig.events)
    rig.listener = clock.hear
    return rig


def cluster() -> list[Resource]:
    """Nodes behind a gate, and a release whose pods need them."""
    gate = Fake("gate")
    nodes = Fake("nodes", parents=[gate.id])
    return [gate, nodes, Fake("release", runtime_depends_on=[nodes])]


def ended(rig: Rig) -> list[str]:
    return [event.address for event in rig.events if isinstance(event, Done)]


def test_it_is_made_beside_its_ground_and_ready_after_it(rig: Rig) -> None:
    rig.cloud.polls = 8  # nodes take a while
    assert rig.up(cluster()).clean
    made = [address for _, address in rig.cloud.log]
    assert made.index(RELEASE) < made.index(NODES)
    assert ended(rig) == [GATE, NODES, RELEASE]
    rig.cloud.log.clear()
    assert rig.down().clean
    gone = [address for _, address in rig.cloud.log]
    assert gone.index(RELEASE) < gone.index(NODES)


def test_while_it_waits_for_its_ground_it_asks_nothing_and_that_is_no_time_of_its_own(rig: Rig) -> None:
    reads: list[str] = []
    read = Fake.read

    class Counted(Fake):
        kind = "fake.counted"

        def read(self, cloud: object, id: str | None) -> object:  # type: ignore[override]
            reads.append(self.address)
            return read(self, cloud, id)  # type: ignore[arg-type]

    rig.cloud.polls = 20
    gate = Fake("gate")
    nodes = Fake("nodes", parents=[gate.id])
    with rig.execution(
        lambda session: rig.planned(session, [gate, nodes, Counted("release", runtime_depends_on=[nodes])])
    ) as e:
        assert e.up().clean
    polled = len(reads)
    assert polled < 30  # those of a wait of its own, though its ground took twice as long
    record = rig.state.records["fake.counted/release"]
    assert record.spent is not None
    assert record.spent.queued > 0
    assert rig.state.durations["fake.counted.create"][0] == pytest.approx(record.spent.own, abs=0.1)
    chain = [one.address for one in Report("up", timings=e.timings).chain]
    assert chain == [GATE, NODES, "fake.counted/release"]
    after = e.timings["fake.counted/release"].spent  # what it did beside them is on no chain
    assert (after.queued, after.calling) == (0.0, 0.0)
    assert after.waiting == pytest.approx(record.spent.waiting, abs=0.1)


@pytest.mark.parametrize("failing", [GATE, NODES])
def test_it_does_not_outwait_a_ground_that_failed(rig: Rig, failing: str) -> None:
    rig.cloud.errors["create", failing] = [ResourceError("no capacity", code="Quota", request_id="r")]
    outcome = rig.up(cluster())
    assert set(outcome.failed) == {failing, RELEASE}
    assert isinstance(outcome.failed[RELEASE], Failed)
    assert NODES in str(outcome.failed[RELEASE])
    assert rig.clock.now() < Fake.timeout
    assert rig.up(cluster()).clean  # and goes on from there
    assert rig.plan(cluster()).changes == ()


def test_a_target_brings_its_ground_along(rig: Rig) -> None:
    assert rig.up(cluster(), RELEASE).clean
    assert set(rig.state.records) == {GATE, NODES, RELEASE}


def test_a_stage_needs_the_ground_of_what_it_makes(rig: Rig) -> None:
    nodes = Fake("nodes")
    wanted = [nodes, Fake("release", runtime_depends_on=[nodes], stage="livekit")]
    with pytest.raises(UsageError, match=r"infrastructure makes fake\.thing/nodes"):
        rig.up(wanted, stage="livekit")


def test_a_new_ground_is_recorded_though_nothing_else_changes(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    def pools(zone: str) -> list[Resource]:
        pool = FakePool("pool", zone=zone)
        return [pool, Fake("release", runtime_depends_on=[pool])]

    rig.up(pools("a")[:1])
    rig.up(pools("a"))
    old = rig.state.records[RELEASE].runtime_depends_on
    assert rig.up(pools("b")).clean
    new = rig.state.records[RELEASE].runtime_depends_on
    assert new != old
    assert set(new) == {address for address in rig.state.records if address != RELEASE}


def test_a_circle_through_a_ground_is_refused() -> None:
    from livekit_deploy.engine.graph import ordered

    release = Fake("release")
    nodes = Fake("nodes", parents=[release.id])
    release.runtime_depends_on = (nodes,)
    with pytest.raises(ConfigError, match="in a circle"):
        ordered([nodes, release])
    with pytest.raises(ConfigError, match="not part of the stack"):
        ordered([Fake("alone", runtime_depends_on=[Fake("elsewhere")])])


def test_the_order_of_a_plan_has_the_ground_first(rig: Rig) -> None:
    order = [change.address for change in rig.plan(cluster()[::-1]).all]
    for earlier, later in itertools.pairwise([GATE, NODES, RELEASE]):
        assert order.index(earlier) < order.index(later)
