"""What the cloud, or somebody else in it, does against a run, and what the run makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from livekit_deploy.engine.inputs import Input, Output, Unresolved
from livekit_deploy.engine.plan import UNKNOWN, Action
from livekit_deploy.engine.resource import Found, Live, Observed, Resource, Status
from livekit_deploy.engine.run import Run
from livekit_deploy.engine.stages import STAGES
from livekit_deploy.engine.waits import Waits
from livekit_deploy.errors import Absent, Conflict, Denied, Failed, ResourceError
from livekit_deploy.state.document import Phase
from tests.fakes import Fake, FakeCloud, FakePool, Killed, Thing
from tests.unit.engine.conftest import Rig

# ---- while it comes up


def test_what_somebody_deletes_right_now_is_waited_out_and_made_again(rig: Rig) -> None:
    rig.up([Fake("one")])
    thing = rig.cloud.things["t-1"]
    thing.deleting, thing.polls = True, 3
    assert [change.reason for change in rig.plan([Fake("one")]).changes] == [
        "it is being deleted; then it is made again"
    ]
    thing.polls = 3
    rig.cloud.log.clear()
    assert rig.up([Fake("one")]).clean
    assert rig.cloud.log == [("create", "fake.thing/one")]
    assert list(rig.cloud.things) == ["t-2"]


def test_what_somebody_deletes_is_recorded_before_it_is_waited_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.up([Fake("one")])
    rig.cloud.things["t-1"].deleting, rig.cloud.things["t-1"].polls = True, 9
    monkeypatch.setattr(rig.clock, "advance", lambda seconds: rig.cancel.set())
    rig.up([Fake("one", size=2)])
    record = rig.state.records["fake.thing/one"]
    assert (record.phase, record.inputs["size"], rig.cloud.log[1:]) == (Phase.DELETING, 1, [])


def test_a_look_for_the_cause_that_fails_does_not_hide_the_failure(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def diagnose(self: Fake, cloud: FakeCloud, live: Live | None) -> tuple[str, str]:
        raise ResourceError("not now", code="Unavailable")

    create = Fake.create

    def fail(self: Fake, cloud: FakeCloud, token: str) -> str:
        id = create(self, cloud, token)
        cloud.things[id].failed = "NodeCreationFailure"
        return id

    monkeypatch.setattr(Fake, "create", fail)
    monkeypatch.setattr(Fake, "diagnose", diagnose)
    error = rig.up([Fake("one")]).failed["fake.thing/one"]
    assert isinstance(error, Failed)
    assert "NodeCreationFailure" in error.message
    assert "run the same command again" in error.hint


def test_a_change_that_is_refused_and_does_not_show_is_an_error(rig: Rig) -> None:
    rig.up([Fake("one")])
    refusal = Conflict("somebody changes it", code="Conflict", request_id="r")
    rig.cloud.errors["update", "fake.thing/one"] = [refusal]
    assert rig.up([Fake("one", size=2)]).failed == {"fake.thing/one": refusal}
    assert rig.up([Fake("one", size=2)]).clean


def test_a_change_of_what_is_gone_meanwhile_is_an_error(rig: Rig) -> None:
    """It is not made again unasked in the middle of its change."""
    rig.up([Fake("one")])
    gone = Absent("there is no such thing", code="NotFound", request_id="r")
    rig.cloud.errors["update", "fake.thing/one"] = [gone]
    rig.cloud.witness = lambda verb, address: rig.cloud.things.clear()
    assert rig.up([Fake("one", size=2)]).failed == {"fake.thing/one": gone}


def test_a_change_that_is_refused_because_it_was_made_is_made(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer was lost and it was sent again: the second time it contradicts itself."""
    rig.up([Fake("one")])
    update = Fake.update

    def twice(self: Fake, cloud: FakeCloud, live: Live, changed: frozenset[str]) -> None:
        update(self, cloud, live, changed)
        raise Conflict("it is so already", code="Conflict", request_id="r")

    monkeypatch.setattr(Fake, "update", twice)
    assert rig.up([Fake("one", size=2)]).clean
    assert rig.cloud.log == [("create", "fake.thing/one"), ("update", "fake.thing/one")]


def test_a_creation_whose_answer_is_lost_and_which_made_nothing_is_an_error(rig: Rig) -> None:
    reset = ResourceError("connection reset", code="ConnectionClosedError")
    rig.cloud.errors["create", "fake.thing/one"] = [reset]
    assert rig.up([Fake("one")]).failed == {"fake.thing/one": reset}
    assert rig.up([Fake("one")]).clean
    assert list(rig.cloud.things) == ["t-1"]


@pytest.mark.parametrize("size", [1, 2])
def test_a_creation_is_tried_again_with_its_token_unless_it_makes_something_else_now(rig: Rig, size: int) -> None:
    rig.cloud.bomb = 0
    with pytest.raises(Killed):
        rig.up([Fake("one")])
    rig.cloud.bomb, rig.cloud.dead = -1, False
    token = rig.state.records["fake.thing/one"].token
    assert rig.up([Fake("one", size=size)]).clean
    assert (rig.cloud.things["t-1"].token == token) == (size == 1)


class Assuming(Fake):
    """A thing that needs a role, which spreads."""

    kind = "fake.assuming"
    propagation = {"InvalidParameter": ("cannot be assumed",)}


def test_a_verb_is_repeated_while_what_it_needs_spreads_and_for_nothing_else(rig: Rig) -> None:
    spreading = ResourceError("Role CANNOT be assumed", code="InvalidParameter", request_id="r")
    wrong = ResourceError("no such subnet", code="InvalidParameter", request_id="r")
    rig.cloud.errors["create", "fake.assuming/one"] = [spreading, spreading, wrong]
    assert rig.up([Assuming("one")]).failed == {"fake.assuming/one": wrong}
    assert rig.cloud.log == [("create", "fake.assuming/one")] * 3
    rig.cloud.errors["create", "fake.assuming/one"] = [spreading]
    rig.cloud.errors["delete", "fake.assuming/one"] = [spreading]
    assert rig.up([Assuming("one")]).clean
    assert rig.down().clean
    assert rig.cloud.things == {}


# ---- what may not be read yet


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool can be read by whom the door lets in."""
    read = FakePool.read

    def look(self: FakePool, cloud: FakeCloud, id: str | None) -> Live | None:
        if not any(thing.address == "fake.thing/door" and not thing.deleting for thing in cloud.things.values()):
            raise Denied("you are not let in", code="AccessDenied", request_id="r")
        return read(self, cloud, id)

    monkeypatch.setattr(FakePool, "read", look)
    monkeypatch.setattr(FakePool, "scan", classmethod(lambda cls, cloud, host: []))


def behind_a_door() -> list[Resource]:
    door = Fake("door")
    return [door, FakePool("pool", after=[door])]


@pytest.mark.usefixtures("guarded")
def test_what_can_only_be_read_behind_what_is_to_be_made_is_planned_as_such(rig: Rig) -> None:
    pool = FakePool("pool").address
    for action in (Action.CREATE, Action.RESUME):
        change = rig.plan(behind_a_door()).changes[1]
        said = "it can be read only after fake.thing/door has been changed"
        assert (change.address, change.action, change.reason) == (pool, action, said)
        assert rig.up(behind_a_door()).clean
        assert rig.plan(behind_a_door()).changes == ()
        del rig.cloud.things[str(rig.state.records["fake.thing/door"].id)]
    assert rig.cloud.log.count(("create", pool)) == 1


@pytest.mark.usefixtures("guarded")
def test_what_may_not_be_read_and_nothing_is_about_to_change_that_is_an_error(rig: Rig) -> None:
    with pytest.raises(Denied, match="you are not let in"):
        rig.plan([FakePool("pool")])


# ---- what a plan knows


class Quiet(Fake):
    """A thing that tells its tag once, as a secret its value."""

    kind = "fake.quiet"
    mark = Output[str]()

    def _live(self, cloud: FakeCloud, thing: Thing) -> Live:
        live = super()._live(cloud, thing)
        told = {} if thing.token == "told" else {"mark": "m"}
        return replace(live, outputs={**live.outputs, **told})


class Mute(Fake):
    """A thing that never tells its tag."""

    kind = "fake.mute"
    mark = Output[str]()


def test_what_refers_to_an_output_that_nobody_knows_is_known_after_apply(rig: Rig) -> None:
    rig.up([Mute("source"), Fake("user")])
    source = Mute("source")
    (change,) = rig.plan([source, Fake("user", parents=[source.mark])]).changes
    assert [(diff.path, diff.after) for diff in change.diffs] == [("parents", [UNKNOWN])]


def test_what_is_busy_is_waited_for(rig: Rig) -> None:
    rig.up([Fake("one")])
    rig.cloud.things["t-1"].polls = 5
    assert [change.reason for change in rig.plan([Fake("one")]).changes] == ["it is not ready yet: on its way"]
    assert rig.up([Fake("one")]).clean
    assert rig.plan([Fake("one")]).changes == ()
    assert rig.cloud.log == [("create", "fake.thing/one")]


def test_an_output_that_is_no_longer_told_is_the_recorded_one(rig: Rig) -> None:
    def both() -> list[Resource]:
        quiet = Quiet("source")
        return [quiet, Fake("user", parents=[quiet.mark])]

    rig.up(both())
    next(thing for thing in rig.cloud.things.values() if thing.address == "fake.quiet/source").token = "told"
    assert rig.plan(both()).changes == ()


class Labelled(Fake):
    """A thing with a mapping."""

    kind = "fake.labelled"
    labels: Input[Mapping[str, str | None]] = Input(api="Labels", default={})


def test_a_member_without_a_value_is_the_same_as_none(rig: Rig) -> None:
    rig.up([Labelled("one")])
    assert rig.plan([Labelled("one", labels={"app": None})]).changes == ()


def test_a_reference_that_nothing_recorded_is_named(rig: Rig) -> None:
    session = rig.session()
    run = Run(rig.cloud, session, Waits(rig.clock, rig.cancel, session.lost), rig.events.append)
    with pytest.raises(Unresolved, match=r"fake\.thing/one\.id"):
        run.lookup(Fake("one").id)
    session.release()


def test_a_second_one_of_the_same_address_goes_with_the_last_stage(rig: Rig) -> None:
    rig.up([Fake("one")])
    twin = rig.cloud.things["t-1"]
    rig.cloud.things["t-9"] = replace(twin, id="t-9", token="x")
    for stage in STAGES:
        assert "t-9" in rig.cloud.things
        assert rig.up([Fake("one")], stage=stage).clean
    assert list(rig.cloud.things) == ["t-1"]


# ---- what is only known after apply


class Named(Fake):
    """A thing whose id is the same again when it is made anew."""

    kind = "fake.named"
    lasting = frozenset({"id"})


@pytest.mark.parametrize(("source", "known"), [(Fake, False), (Named, True)])
def test_a_fixed_value_that_would_become_another_is_refused_before_anything_is_made(
    rig: Rig, source: type[Fake], known: bool
) -> None:
    def declared() -> list[Resource]:
        root = source("root")
        return [root, Fake("leaf", cidr=root.id)]

    assert rig.up(declared()).clean
    assert rig.plan(declared()).changes == ()
    del rig.cloud.things["t-1"]
    changes = {change.address: change for change in rig.plan(declared()).changes}
    if known:
        assert changes.keys() == {f"{source.kind}/root"}, "its name decides: nothing else changes"
    else:
        leaf = changes["fake.thing/leaf"]
        assert (leaf.action, leaf.hint) == (Action.BLOCKED, "make another environment")
        assert [diff.after for diff in leaf.diffs] == [UNKNOWN]


def test_a_fixed_value_that_comes_from_something_new_is_refused(rig: Rig) -> None:
    rig.up([Fake("leaf")])
    root = Fake("root")
    made, leaf = rig.plan([root, Fake("leaf", cidr=root.id)]).changes
    assert (made.action, leaf.action) == (Action.CREATE, Action.BLOCKED)


class Balancer(Observed):
    """What somebody makes for a thing, and makes again when that changes its size."""

    kind = "fake.balancer"
    thing: Input[str] = Input()
    host_name = Output[str]()

    def read(self, cloud: FakeCloud, id: str | None) -> Live | None:
        for made in cloud.things.values():
            if made.address == "fake.thing/service":
                name = f"balancer of size {made.props['size']}"
                return Live(name, Status.READY, {"thing": made.id}, {"host_name": name})
        return None

    @classmethod
    def scan(cls, cloud: FakeCloud, host: Live | None) -> list[Found]:
        return []


def test_what_others_make_again_in_a_run_is_looked_at_again_with_what_refers_to_it(rig: Rig) -> None:
    def stack(size: int) -> list[Resource]:
        service = Fake("service", size=size)
        balancer = Balancer("front", thing=service.id)
        return [service, balancer, Fake("record", parents=[balancer.host_name])]

    rig.up(stack(1))
    assert rig.up(stack(2)).clean
    (record,) = [thing for thing in rig.cloud.things.values() if thing.address == "fake.thing/record"]
    assert record.props["parents"] == ["balancer of size 2"]
    assert rig.plan(stack(2)).changes == ()
