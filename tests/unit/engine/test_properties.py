"""Random graphs, random changes, random faults and random kills: the laws hold for all of them.

A failing example is printed by hypothesis together with the line that replays it (``@reproduce_failure``).
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some

from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import ResourceError
from livekit_deploy.state.document import Phase, load
from tests.fakes import Fake, FakePool, Killed
from tests.unit.engine.conftest import Rig

Shape = list[tuple[int, str, int]]


@some.composite
def shapes(draw: some.DrawFn) -> Shape:
    """For each node: its size, its zone, and a bit mask of the earlier nodes that it refers to."""
    count = draw(some.integers(1, 7))
    return [
        (draw(some.integers(1, 3)), draw(some.sampled_from("ab")), draw(some.integers(0, 2**number - 1)))
        for number in range(count)
    ]


def build(shape: Shape) -> list[Resource]:
    made: list[Resource] = []
    for number, (size, zone, mask) in enumerate(shape):
        parents = [other.id for bit, other in enumerate(made) if mask >> bit & 1 and isinstance(other, Fake)]
        if number % 3 == 2:
            made.append(FakePool(f"n{number}", size=size, zone=zone, parents=parents))
        else:
            made.append(Fake(f"n{number}", size=size, parents=parents))
    return made


def whole(rig: Rig) -> None:
    """The document is valid, and everything in the cloud is accounted for by a record or an intent."""
    found = rig.store.get()
    assert found is not None
    state = load(found.body, "here")
    assert {thing.address for thing in rig.cloud.things.values()} <= set(state.records)
    assert json.loads(found.body)["lineage"] == rig.cloud.lineage


def converged(rig: Rig, shape: Shape) -> None:
    assert rig.up(build(shape)).clean
    made = len(rig.cloud.log)
    assert rig.plan(build(shape)).changes == ()
    assert rig.up(build(shape)).clean
    assert len(rig.cloud.log) == made, "a second run is silent"
    alive = sorted(t.address for t in rig.cloud.things.values() if not t.deleting)
    assert alive == sorted(item.address for item in build(shape))


def watched(rig: Rig) -> None:
    """Nothing is created or changed before the document says so, and the document is valid whenever it is read."""

    def witness(verb: str, address: str) -> None:
        if verb != "delete":
            assert rig.state.records[address].phase is not Phase.READY, f"{verb} {address} without an intent"

    rig.cloud.witness = witness


Fault = tuple[str, int, str]
#: what goes wrong once, at which node and how: an error of AWS, or an answer that is lost
faults = some.tuples(
    some.sampled_from(["create", "update", "delete"]),
    some.integers(0, 6),
    some.sampled_from(["Throttling", "LimitExceeded", "", "lost"]),
)


def struck(rig: Rig, shape: Shape, fault: Fault) -> None:
    verb, victim, how = fault
    address = build(shape)[victim % len(shape)].address
    if how == "lost":
        rig.cloud.lost.add((verb, address))
    else:
        rig.cloud.errors[verb, address] = [ResourceError("no", code=how, request_id="r")]


@settings(max_examples=60, print_blob=True)
@given(
    before=shapes(),
    after=shapes(),
    hit=some.lists(faults, max_size=3),
    at=some.integers(-1, 60),
    verb=some.sampled_from(["up", "change", "down"]),
)
def test_killed_and_struck_anywhere_the_next_run_goes_on(
    before: Shape, after: Shape, hit: list[Fault], at: int, verb: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder))
        watched(rig)
        if verb != "up":
            assert rig.up(build(before)).clean
        for fault in hit:
            struck(rig, before if verb == "down" else after, fault)
        rig.cloud.bomb = at
        with contextlib.suppress(Killed):
            rig.down() if verb == "down" else rig.up(build(after))
        whole(rig)
        rig.cloud.bomb, rig.cloud.dead = -1, False
        rig.cloud.errors.clear()
        rig.cloud.lost.clear()
        converged(rig, after)
        assert rig.down().clean
        assert rig.cloud.things == {}
        assert rig.state.records == {}


@settings(max_examples=40)
@given(shape=shapes(), victim=some.integers(0, 6), code=some.sampled_from(["Throttling", "LimitExceeded", ""]))
def test_a_fault_ends_with_what_could_be_made_and_goes_on_once_it_is_lifted(
    shape: Shape, victim: int, code: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder))
        address = build(shape)[victim % len(shape)].address
        rig.cloud.errors["create", address] = [ResourceError("no", code=code, request_id="r")]
        outcome = rig.up(build(shape))
        assert set(outcome.failed) == {address}
        whole(rig)
        converged(rig, shape)


@settings(max_examples=30)
@given(shape=shapes())
def test_order_is_respected_both_ways(shape: Shape) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder))
        stack = build(shape)
        rig.up(stack)
        order = [address for _, address in rig.cloud.log]
        for item in stack:
            for other in item.dependencies():
                assert order.index(other.address) < order.index(item.address)
        rig.cloud.log.clear()
        rig.down()
        first = {address: number for number, (_, address) in reversed(list(enumerate(rig.cloud.log)))}
        for item in stack:
            for other in item.dependencies():
                assert first[item.address] < first[other.address]
