"""The laws of the engine, on a cloud in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from livekit_deploy.engine.inputs import Output
from livekit_deploy.engine.plan import Action, Plan
from livekit_deploy.engine.planner import Planner
from livekit_deploy.engine.resource import Live, Resource
from livekit_deploy.errors import (
    Blocked,
    OddAnswer,
    ResourceError,
)
from livekit_deploy.events import Done, Started
from livekit_deploy.state.document import Phase, load
from livekit_deploy.state.store import FileStore
from tests.fakes import Fake, FakeCloud, FakePool, Thing
from tests.unit.engine.conftest import Rig
from tests.unit.engine.stacks import stack


def actions(plan: Plan) -> dict[str, str]:
    return {change.address.split("-")[0]: change.action.value for change in plan.changes}


def test_up_makes_all_in_order_and_a_second_run_makes_no_call(rig: Rig) -> None:
    assert rig.up(stack()).clean
    made = [address for verb, address in rig.cloud.log]
    assert made[0] == "fake.thing/root"
    assert made[-1].startswith("fake.pool/pool-")
    rig.cloud.log.clear()
    serial = rig.state.serial
    assert rig.plan(stack()).changes == ()
    assert rig.up(stack()).clean
    assert rig.cloud.log == []
    assert rig.state.serial == serial


def test_what_never_changes_and_is_shown_with_another_value_is_an_odd_answer(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakePool, "update", Resource.update)
    rig.up([FakePool("pool", zone="a")])
    rig.cloud.log.clear()
    next(iter(rig.cloud.things.values())).props["zone"] = "b"
    (error,) = rig.up([FakePool("pool", zone="a")]).failed.values()
    assert isinstance(error, OddAnswer)
    assert "is shown with another zone" in error.message
    assert rig.cloud.log == []


def test_a_plan_says_how_long_its_longest_chain_takes_up_and_down(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fake, "usual_delete", 7.0)
    monkeypatch.setattr(FakePool, "usual_delete", 100.0)
    chain = Fake.usual + Fake.usual + FakePool.usual
    assert rig.plan(stack(extra=3)).critical_s == chain
    rig.up(stack(extra=3))
    assert rig.plan(stack(extra=3)).critical_s == 0
    assert Planner(rig.cloud, rig.state, "digest").down().plan.critical_s == 7 + 7 + 100


def test_every_mutating_call_is_preceded_by_its_recorded_intent(rig: Rig) -> None:
    seen: list[tuple[str, Phase]] = []

    def spy(verb: str, address: str) -> None:
        seen.append((verb, rig.state.records[address].phase))

    rig.cloud.mutate = spy  # type: ignore[method-assign]
    rig.up(stack())
    rig.up(stack(size=2))
    rig.down()
    assert {verb for verb, _ in seen} == {"create", "update", "delete"}
    want = {"create": Phase.CREATING, "update": Phase.UPDATING, "delete": Phase.DELETING}
    assert [(verb, phase) for verb, phase in seen if want[verb] is not phase] == []


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Phase, str | None]]:
    """Phase and id of the only record there is, as they were written one after the other."""
    put, seen = FileStore.put, list[tuple[Phase, str | None]]()

    def spy(store: FileStore, body: bytes, etag: str | None) -> str:
        seen.extend((one.phase, one.id) for one in load(body, "").records.values() if (one.phase, one.id) not in seen)
        return put(store, body, etag)

    monkeypatch.setattr(FileStore, "put", spy)
    return seen


@pytest.mark.parametrize("polls", [0, 2])
def test_what_is_ready_at_once_is_recorded_once_and_all_else_when_it_is_made(
    rig: Rig, written: list[tuple[Phase, str | None]], polls: int
) -> None:
    rig.cloud.polls = polls
    rig.up([Fake("one")])
    assert written == [
        (Phase.CREATING, None),
        *[(Phase.MADE, "t-1")][: polls > 0],
        (Phase.READY, "t-1"),
    ]


def test_what_is_made_is_recorded_though_it_cannot_be_looked_at(
    rig: Rig, written: list[tuple[Phase, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Fake.read

    def look(self: Fake, cloud: FakeCloud, id: str | None) -> Live | None:
        if id is not None:
            raise ResourceError("not now", code="Unavailable")
        return read(self, cloud, id)

    monkeypatch.setattr(Fake, "read", look)
    assert list(rig.up([Fake("one")]).failed) == ["fake.thing/one"]
    assert written == [(Phase.CREATING, None), (Phase.MADE, "t-1")]


def test_a_changed_line_is_one_update_and_nothing_else(rig: Rig) -> None:
    rig.up(stack())
    rig.cloud.log.clear()
    plan = rig.plan(stack(size=3))
    assert [(c.address, c.action) for c in plan.changes] == [("fake.thing/left", Action.UPDATE)]
    diff = plan.changes[0].diffs[0]
    assert (diff.path, diff.before, diff.after, diff.origin) == ("size", 1, 3, "config")
    rig.up(stack(size=3))
    assert rig.cloud.log == [("update", "fake.thing/left")]


def test_what_somebody_else_changed_is_drift_and_is_put_right(rig: Rig) -> None:
    rig.up(stack())
    next(t for t in rig.cloud.things.values() if t.address == "fake.thing/left").props["size"] = 9
    plan = rig.plan(stack())
    assert [(d.path, d.before, d.after, d.origin) for d in plan.changes[0].diffs] == [("size", 9, 1, "drift")]
    rig.up(stack())
    assert rig.plan(stack()).changes == ()


def test_a_create_only_input_is_applied_once_and_never_drifts(rig: Rig) -> None:
    rig.up([Fake("one")])
    rig.cloud.things["t-1"].props["wanted"] = 7  # an autoscaler
    assert rig.plan([Fake("one")]).changes == ()
    assert [c.action for c in rig.plan([Fake("one", wanted=3)]).changes] == [Action.UPDATE]
    rig.up([Fake("one", wanted=3)])
    assert rig.cloud.things["t-1"].props["wanted"] == 3
    assert rig.plan([Fake("one", wanted=3)]).changes == ()


def test_an_immutable_input_makes_the_new_one_first_and_deletes_the_old_one_last(rig: Rig) -> None:
    rig.up(stack())
    rig.cloud.log.clear()
    assert actions(rig.plan(stack(zone="b"))) == {"fake.pool/pool": "delete"}
    rig.up(stack(zone="b"))
    assert [verb for verb, _ in rig.cloud.log] == ["create", "delete"]
    assert rig.plan(stack(zone="b")).changes == ()


def test_a_template_made_again_renames_what_is_named_after_it(rig: Rig) -> None:
    def pair() -> list[Resource]:
        template = Fake("template")
        return [template, FakePool("pool", template=template.id)]

    rig.up(pair())
    old = next(t for t in rig.cloud.things.values() if t.address.startswith("fake.pool"))
    del rig.cloud.things["t-1"]
    assert len(rig.plan(pair()).changes) == 3
    rig.up(pair())
    new = [t for t in rig.cloud.things.values() if t.address.startswith("fake.pool")]
    assert [t.address == old.address for t in new] == [False]
    assert rig.plan(pair()).changes == ()


def test_a_fixed_input_is_blocked_with_the_way_out(rig: Rig) -> None:
    rig.up([Fake("one")])
    change = rig.plan([Fake("one", cidr="10.9.0.0/16")]).changes[0]
    assert (change.action, change.hint) == (Action.BLOCKED, "make another environment")
    outcome = rig.up([Fake("one", cidr="10.9.0.0/16")])
    assert isinstance(outcome.failed["fake.thing/one"], Blocked)


def test_a_version_is_compared_to_the_precision_that_is_given(rig: Rig) -> None:
    rig.up([Fake("one", version="8.0")])
    rig.cloud.things["t-1"].props["version"] = "8.0.1"
    assert rig.plan([Fake("one", version="8.0")]).changes == ()


def test_what_was_deleted_behind_our_back_is_made_again(rig: Rig) -> None:
    rig.up(stack())
    gone = next(t for t in rig.cloud.things.values() if t.address.startswith("fake.pool"))
    del rig.cloud.things[gone.id]
    assert [c.reason for c in rig.plan(stack()).changes] == ["it was deleted by someone else"]
    rig.up(stack())
    assert rig.plan(stack()).changes == ()


def test_what_is_no_longer_configured_goes_and_the_rest_stays(rig: Rig) -> None:
    rig.up(stack(extra=2))
    rig.cloud.log.clear()
    rig.up(stack())
    assert sorted(rig.cloud.log) == [("delete", "fake.thing/extra-0"), ("delete", "fake.thing/extra-1")]


def test_down_deletes_in_reverse_and_leaves_nothing(rig: Rig) -> None:
    rig.up(stack())
    rig.cloud.log.clear()
    assert rig.down().clean
    assert rig.cloud.things == {}
    assert rig.state.records == {}
    assert [address for _, address in rig.cloud.log][-1] == "fake.thing/root"


def test_what_is_deleted_is_told_with_the_stage_that_made_it(rig: Rig) -> None:
    root = Fake("root")
    late = Fake("late", parents=[root.id])
    late.stage = "livekit"
    rig.up([root, late])
    rig.events.clear()
    rig.down()
    told = {(event.address, event.stage) for event in rig.events if isinstance(event, Started | Done)}
    assert told == {("fake.thing/root", "infrastructure"), ("fake.thing/late", "livekit")}


class Moving(Fake):
    """A thing with an output that each update changes, and others too."""

    kind = "fake.moving"
    renewed = frozenset({"mark"})
    mark = Output[str]()

    def update(self, cloud: FakeCloud, live: Live, changed: frozenset[str]) -> None:
        super().update(cloud, live, changed)
        cloud.things[live.id].token += "+"

    def _live(self, cloud: FakeCloud, thing: Thing) -> Live:
        live = super()._live(cloud, thing)
        return replace(live, outputs={**live.outputs, "mark": thing.token})


def test_an_output_that_somebody_changed_reaches_what_refers_to_it(rig: Rig) -> None:
    def both() -> list[Resource]:
        source = Moving("source")
        return [source, Fake("user", cidr="10.0.0.0/16", parents=[source.mark])]

    rig.up(both())
    thing = next(one for one in rig.cloud.things.values() if one.address == "fake.moving/source")
    thing.token = "another"
    assert actions(rig.plan(both())) == {"fake.thing/user": "update"}
    assert rig.up(both()).clean
    assert rig.state.records["fake.thing/user"].inputs["parents"] == ["another"]
    assert rig.state.records["fake.moving/source"].outputs["mark"] == "another"
    assert rig.plan(both()).changes == ()


def test_what_an_update_renews_reaches_what_refers_to_it_in_the_same_run(rig: Rig) -> None:
    def both(size: int) -> list[Resource]:
        source = Moving("source", size=size)
        return [source, Fake("user", parents=[source.mark])]

    rig.up(both(1))
    before = rig.state.records["fake.thing/user"].inputs["parents"]
    assert actions(rig.plan(both(2))) == {"fake.moving/source": "update", "fake.thing/user": "update"}
    assert rig.up(both(2)).clean
    assert rig.state.records["fake.thing/user"].inputs["parents"] == [f"{before[0]}+"]
    assert rig.plan(both(2)).changes == ()
