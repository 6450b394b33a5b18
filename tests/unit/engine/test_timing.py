"""Where the time of a run went: the figures of each resource, and the chain that they make."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from livekit_deploy.aws.access.account import Account
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.base.timing import Spent, Timing, Watch
from livekit_deploy.config import load_environment
from livekit_deploy.engine.critical_path import expected_chain
from livekit_deploy.engine.graph import edges_up, longest_chain
from livekit_deploy.engine.resource import Resource
from livekit_deploy.events import Done
from livekit_deploy.operations.report import Report
from livekit_deploy.render import chains
from livekit_deploy.stack import stack
from livekit_deploy.state.store import FileStore
from tests.fakes import Fake, FakeClock
from tests.places import ROOT
from tests.unit.engine.conftest import Rig

CALL, WRITE = 3.0, 0.5


def line() -> list[Resource]:
    """Three things, one after the other."""
    first = Fake("first")
    second = Fake("second", parents=[first.id])
    return [first, second, Fake("third", parents=[second.id])]


@pytest.fixture
def slow(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """Every change takes `CALL` seconds of the clock, every write of the state `WRITE`."""
    rig.cloud.witness = lambda verb, address: rig.clock.advance(CALL)
    put = FileStore.put

    def slowly(store: FileStore, *arguments: Any) -> str:
        rig.clock.advance(WRITE)
        return put(store, *arguments)

    monkeypatch.setattr(FileStore, "put", slowly)
    return rig


def done(rig: Rig) -> list[Done]:
    found = [event for event in rig.events if isinstance(event, Done)]
    rig.events.clear()
    return found


@pytest.mark.parametrize("command", ["up", "down"])
def test_the_time_of_each_resource_is_told_by_its_cause(slow: Rig, command: str) -> None:
    slow.up(line())
    ups = done(slow)
    slow.down()
    events, writes = (ups, 3) if command == "up" else (done(slow), 2)  # intent, id, outputs; intent, gone
    assert len(events) == 3
    for event in events:
        assert (event.queued_s, event.calling_s, event.writing_s) == (0.0, CALL, writes * WRITE)
        assert event.waiting_s > 0
        told = event.queued_s + event.calling_s + event.waiting_s + event.writing_s
        assert told == pytest.approx(event.elapsed_s, abs=WRITE + 0.1)


def test_what_was_spent_is_recorded_with_the_resource_and_stays_while_nothing_changes(slow: Rig) -> None:
    slow.up(line())
    first = {address: record.spent for address, record in slow.state.records.items()}
    assert all(spent is not None and spent.calling == CALL for spent in first.values())
    slow.up(line())
    assert {address: record.spent for address, record in slow.state.records.items()} == first


def test_an_update_is_told_as_one_and_its_time_is_kept(slow: Rig) -> None:
    slow.up([Fake("one")])
    with slow.execution(lambda session: slow.planned(session, [Fake("one", size=2)])) as execution:
        assert execution.up().clean
    assert (execution.created, execution.updated) == ([], ["fake.thing/one"])
    after = slow.state.records["fake.thing/one"].spent
    assert after is not None
    assert after.calling == CALL
    assert "fake.thing.update" in slow.state.durations


def test_the_chain_of_a_run_covers_it_without_a_gap(slow: Rig) -> None:
    began = slow.clock.now()
    with slow.execution(lambda session: slow.planned(session, line())) as execution:
        assert execution.up().clean
    chain = Report("up", timings=execution.timings).chain
    assert [one.address for one in chain] == ["fake.thing/first", "fake.thing/second", "fake.thing/third"]
    leases = 2 * WRITE  # taken, and given up
    assert sum(one.spent.total for one in chain) == pytest.approx(slow.clock.now() - began - leases, abs=0.1)


def test_what_is_deleted_after_an_update_is_on_the_chain_with_it(slow: Rig) -> None:
    slow.up([Fake("kept"), Fake("dropped")])
    with slow.execution(lambda session: slow.planned(session, [Fake("kept", size=2)])) as execution:
        assert execution.up().clean
    chain = Report("up", timings=execution.timings).chain
    assert [one.address for one in chain] == ["fake.thing/kept", "fake.thing/dropped"]


def test_waiting_for_one_of_the_calls_in_flight_counts_as_queued() -> None:
    """Somebody else's call is in flight, and only one may be."""
    entered, leaves, looked = threading.Event(), threading.Event(), threading.Event()

    def answer(**_: Any) -> tuple[SimpleNamespace, dict[str, Any]]:
        entered.set()
        leaves.wait(10)
        return SimpleNamespace(status_code=200), {"Vpcs": []}

    def slowed(client: Any) -> None:
        client.meta.events.register("before-call", answer)

    class Looking(FakeClock):
        def now(self) -> float:
            seen = super().now()
            looked.set()
            return seen

    clients = Clients("us-east-1", access_key="a", secret_key="b", instrument=slowed)
    cloud, clock = Cloud(clients, OwnershipTags("p", "e"), account=Account(parallelism=1)), Looking()
    first = threading.Thread(target=cloud.ec2.describe_vpcs)
    first.start()
    assert entered.wait(10)
    watch = Watch(clock, 0.0)
    looked.clear()

    def second() -> None:
        with watch.running():
            cloud.ec2.describe_vpcs()

    waiting = threading.Thread(target=second)
    waiting.start()
    assert looked.wait(10)  # it has begun to wait for its turn
    clock.advance(5.0)
    leaves.set()
    first.join()
    waiting.join()
    assert (watch.spent.queued, watch.spent.calling) == (5.0, 0.0)


# ---- the longest chain of any graph


def test_the_longest_chain_is_the_heaviest_not_the_one_with_most_nodes() -> None:
    edges = {"end": ["slow", "c"], "c": ["b"], "b": ["a"]}
    weights = {"a": 1.0, "b": 1.0, "c": 1.0, "slow": 5.0, "end": 1.0}
    assert longest_chain(edges, weights) == ["slow", "end"]
    assert longest_chain({}, {}) == []
    assert longest_chain({"b": ["a", "elsewhere"]}, {"b": 1.0}) == ["b"]


def test_a_chain_of_thousands_is_found() -> None:
    names = [str(number) for number in range(5000)]
    edges = {later: [earlier] for earlier, later in itertools.pairwise(names)}
    assert longest_chain(edges, dict.fromkeys(names, 1.0)) == names


# ---- what is expected of the next run


def test_the_expected_chain_goes_by_what_earlier_runs_took(slow: Rig) -> None:
    quick = [Fake("quick"), *line()]
    assert {step.runs for step in expected_chain(quick, None)} == {0}
    assert [step.seconds for step in expected_chain(quick, None)] == [Fake.usual] * 3
    slow.up(quick)
    chain = expected_chain(quick, slow.state)
    assert [step.address for step in chain] == [item.address for item in quick[1:]]
    assert {step.runs for step in chain} == {4}
    assert all(step.spent == slow.state.records[step.address].spent for step in chain)
    assert len({step.seconds for step in chain}) == 1


def test_the_control_plane_is_two_thirds_of_what_is_expected_of_an_environment() -> None:
    resources = stack(load_environment(ROOT / "manifests" / "environments" / "uat.yaml", environ={}))
    chain = expected_chain(resources, None)
    steps: Mapping[str, float] = {step.address: step.seconds for step in chain}
    assert steps["eks.cluster/main"] / sum(steps.values()) > 0.5
    edges = edges_up(resources)
    for earlier, later in itertools.pairwise(chain):
        assert earlier.address in edges[later.address]


# ---- how it is shown


def timings(count: int) -> Sequence[Timing]:
    small = [Timing(f"ec2.subnet/{number}", "", Spent(calling=0.5)) for number in range(count)]
    return [*small, Timing("eks.cluster/main", "", Spent(queued=1, calling=2, waiting=540, writing=3))]


def test_a_row_tells_the_four_figures_and_what_is_short_is_one_row() -> None:
    head, cluster, rest = chains.run_lines(timings(4), 80, every=False)
    assert head.startswith("[bold]longest chain 9m08s")
    assert cluster.split() == ["eks.cluster/main", "9m06s", "1s", "2s", "9m00s", "3s"]
    assert "… and 4 more, 2s together" in rest
    assert len(list(chains.run_lines(timings(4), 80, every=True))) == 6


def test_a_run_that_did_nothing_has_no_chain() -> None:
    assert list(chains.run_lines([], 80, every=True)) == []
    assert list(chains.run_lines([Timing("ec2.vpc/main", "", Spent())], 80, every=True)) == []


@pytest.mark.parametrize("width", [80, 120])
def test_no_row_is_wider_than_the_terminal(width: int) -> None:
    from rich.text import Text

    from livekit_deploy.engine.critical_path import Step

    name = "route53.record/validation-livekit.uat.example.com-76f1"
    long = [Timing(name, "", Spent(waiting=5000.0)), *timings(2)]
    step = Step(name, 5000.0, 3, Spent(waiting=5000.0))
    for shown in (chains.run_lines(long, width, every=True), chains.expected_lines([step], width)):
        assert max(len(Text.from_markup(one).plain) for one in shown) <= width
