"""What fails in a run: what it takes along, what is told of it, and that the next run goes on."""

from __future__ import annotations

import itertools

import pytest

from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.planner import Planner
from livekit_deploy.engine.resource import Live
from livekit_deploy.engine.unrecorded import Look
from livekit_deploy.errors import (
    Busy,
    Failed,
    ResourceError,
    TimedOut,
)
from livekit_deploy.state.document import Phase
from livekit_deploy.state.edit import unlock
from tests.fakes import Fake, FakeCloud
from tests.unit.engine.conftest import Rig
from tests.unit.engine.stacks import stack


def test_a_failed_resource_names_the_reason_skips_its_dependents_and_lets_others_finish(rig: Rig) -> None:
    error = ResourceError("quota reached", code="LimitExceeded", request_id="r")
    rig.cloud.errors["create", "fake.thing/left"] = [error]
    outcome = rig.up(stack())
    assert outcome.failed == {"fake.thing/left": error}
    assert {a.split("-")[0]: because for a, because in outcome.skipped.items()} == {"fake.pool/pool": "fake.thing/left"}
    assert rig.state.records["fake.thing/right"].phase is Phase.READY
    assert rig.up(stack()).clean


def test_a_terminal_failure_is_raised_at_once_and_the_next_run_makes_it_again(rig: Rig) -> None:
    created = Fake.create

    class Failing(Exception):
        pass

    def fail(self: Fake, cloud: object, token: str) -> str:
        id = created(self, cloud, token)  # type: ignore[arg-type]
        rig.cloud.things[id].failed = "NodeCreationFailure: no route"
        return id

    Fake.create = fail  # type: ignore[method-assign]
    try:
        outcome = rig.up([Fake("one")])
    finally:
        Fake.create = created  # type: ignore[method-assign]
    assert isinstance(outcome.failed["fake.thing/one"], Failed)
    assert "NodeCreationFailure: no route" in str(outcome.failed["fake.thing/one"])
    assert rig.clock.now() < 60
    assert rig.plan([Fake("one")]).changes[0].action is Action.RESUME
    assert rig.up([Fake("one")]).clean
    assert len(rig.cloud.things) == 1


def test_what_never_gets_ready_times_out_with_the_last_detail(rig: Rig) -> None:
    rig.cloud.polls = 10_000
    outcome = rig.up([Fake("one")])
    error = outcome.failed["fake.thing/one"]
    assert isinstance(error, TimedOut)
    assert "on its way" in str(error)


def test_a_deletion_is_asked_for_however_long_the_first_look_took(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.cloud.polls = 0
    rig.up([Fake("one")])
    read, slow = Fake.read, [Fake.delete_timeout]

    def look(self: Fake, cloud: FakeCloud, id: str | None) -> Live | None:
        rig.clock.advance(slow.pop() if slow else 0)
        return read(self, cloud, id)

    monkeypatch.setattr(Fake, "read", look)
    assert rig.down().clean
    assert rig.cloud.things == {}


def _takes_the_lease_at(rig: Rig, verb: str) -> None:
    """Somebody unlocks the environment while the verb is first asked for, and has it from then on."""

    def unlocks(asked: str, address: str) -> None:
        if asked == verb and rig.state.lease is not None:
            unlock(rig.store, rig.state.lease)

    rig.cloud.witness = unlocks


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_no_verb_is_asked_for_again_under_a_lease_that_somebody_took(rig: Rig, verb: str) -> None:
    """By name it would meet what they have made; by the clock the lease is still ours."""
    rig.cloud.polls = 0
    if verb != "create":
        rig.up([Fake("one")])
    rig.cloud.errors[verb, "fake.thing/one"] = [Busy("something else is being done to it") for _ in range(9)]
    _takes_the_lease_at(rig, verb)
    outcome = rig.down() if verb == "delete" else rig.up([Fake("one", size=2)])
    assert (outcome.unfinished, outcome.failed) == ({"fake.thing/one"}, {})
    assert [asked for asked, _ in rig.cloud.log if asked == verb] == [verb]


def test_what_has_no_record_is_deleted_only_under_a_lease_that_is_ours(
    rig: Rig,
) -> None:
    rig.cloud.polls, rig.cloud.kinds = 0, {"fake.thing": Fake}
    rig.up([Fake("one")])
    session = rig.session()
    session.write({"fake.thing/one": None})
    session.release()
    rig.cloud.errors["delete", "fake.thing/one"] = [Busy("something else is being done to it")]
    _takes_the_lease_at(rig, "delete")
    with rig.execution(lambda session: Planner(rig.cloud, session.state, "digest").down()) as execution:
        outcome = execution.down(Look())
    assert not outcome.clean
    assert [asked for asked, _ in rig.cloud.log if asked == "delete"] == ["delete"]


def test_what_somebody_made_under_the_same_id_since_is_not_deleted(rig: Rig) -> None:
    rig.cloud.polls = 0
    rig.up([Fake("one")])
    (thing,) = rig.cloud.things.values()
    thing.born = "1"
    rig.cloud.errors["delete", "fake.thing/one"] = [Busy("something else is being done to it")]

    def replaces(verb: str, address: str) -> None:
        thing.born = "2"

    rig.cloud.witness = replaces
    assert rig.down().clean
    assert [verb for verb, _ in rig.cloud.log] == ["create", "delete"]
    assert list(rig.cloud.things.values()) == [thing]


def test_a_lost_answer_to_a_create_makes_no_second_object(rig: Rig) -> None:
    rig.cloud.lost.add(("create", "fake.thing/one"))
    assert rig.up([Fake("one")]).clean
    assert len(rig.cloud.things) == 1


def test_a_change_that_somebody_undoes_each_time_is_an_error(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that fight over a value, by turns: it ends."""
    rig.up([Fake("one")])
    theirs = itertools.cycle([7, 8, 9])
    update, updates = Fake.update, itertools.count()

    def undone(self: Fake, cloud: FakeCloud, live: Live, changed: frozenset[str]) -> None:
        assert next(updates) < 20
        update(self, cloud, live, changed)
        cloud.things[live.id].props["size"] = next(theirs)

    monkeypatch.setattr(Fake, "update", undone)
    outcome = rig.up([Fake("one", size=5)])
    assert "somebody undoes it" in str(outcome.failed["fake.thing/one"])


def test_an_accepted_change_that_never_shows_is_an_error(rig: Rig) -> None:
    rig.up([Fake("one")])
    update = Fake.update
    Fake.update = lambda self, cloud, live, changed: None  # type: ignore[method-assign]
    try:
        outcome = rig.up([Fake("one", size=5)])
    finally:
        Fake.update = update  # type: ignore[method-assign]
    assert "does not show it" in str(outcome.failed["fake.thing/one"])


def test_two_objects_at_one_address_heal(rig: Rig) -> None:
    rig.up([Fake("one")])
    twin = rig.cloud.things["t-1"]
    rig.cloud.things["t-9"] = type(twin)("t-9", twin.address, twin.lineage, "x", dict(twin.props), 0)
    plan = rig.plan([Fake("one")])
    assert [(c.action, c.id) for c in plan.changes] == [(Action.DELETE, "t-9")]
    rig.up([Fake("one")])
    assert set(rig.cloud.things) == {"t-1"}
