"""What does not go, what goes by itself, and what may be there although nobody has seen it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from livekit_deploy.engine.resource import Live
from livekit_deploy.errors import ResourceError, TimedOut
from livekit_deploy.state.store import FileStore
from tests.fakes import Fake, FakeCloud, FakePool, Killed, Thing
from tests.unit.engine.conftest import Rig

# ---- what does not show at once


class Slow(Fake):
    """A thing without a token or a name: a new one may not show for a while."""

    kind = "fake.slow"
    grace = 30.0


@pytest.fixture(params=[True, False], ids=["made", "not made"])
def unseen(request: pytest.FixtureRequest, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a thing was made by a run that died of it; what was does not show for ten seconds."""
    made: bool = request.param
    rig.cloud.bomb = 1 if made else 0
    with pytest.raises(Killed):
        rig.up([Slow("one")])
    rig.cloud.bomb, rig.cloud.dead = -1, False
    read, began = Slow.read, rig.clock.now()

    def late(self: Slow, cloud: FakeCloud, id: str | None) -> Live | None:
        return read(self, cloud, id) if rig.clock.now() > began + 10 else None

    monkeypatch.setattr(Slow, "read", late)
    monkeypatch.setattr(Slow, "scan", classmethod(lambda cls, cloud, host: []))
    return made


def test_up_waits_for_what_may_have_been_made_before_it_makes_another(rig: Rig, unseen: bool) -> None:
    assert rig.up([Slow("one")]).clean
    assert len(rig.cloud.things) == 1
    assert rig.cloud.log == [("create", "fake.slow/one")]


def test_down_waits_for_what_may_have_been_made(rig: Rig, unseen: bool) -> None:
    assert rig.down().clean
    assert (rig.cloud.things, rig.state.records) == ({}, {})
    assert rig.cloud.log.count(("delete", "fake.slow/one")) == unseen


class Slower(Fake):
    """Longer than an accepted change takes to show."""

    kind = "fake.slower"
    grace = 60.0


@pytest.mark.parametrize(("kind", "seconds"), [(Fake, 20), (Slower, 45)])
def test_what_was_made_although_the_answer_was_lost_is_waited_for(
    kind: type[Fake], seconds: int, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a look the run would end with an error, and leave what the next one has to find."""
    read = Fake.read

    def late(self: Fake, cloud: FakeCloud, id: str | None) -> Live | None:
        return read(self, cloud, id) if rig.clock.now() > began + seconds else None

    rig.cloud.lost.add(("create", f"{kind.kind}/one"))
    began = rig.clock.now()
    monkeypatch.setattr(Fake, "read", late)
    assert rig.up([kind("one")]).clean
    assert rig.cloud.log == [("create", f"{kind.kind}/one")]


# ---- while it goes


def held(rig: Rig) -> str:
    """What is said of a thing that somebody else's holds."""
    rig.up([Fake("one")])
    (id,) = rig.cloud.things
    rig.cloud.things["t-9"] = Thing("t-9", "fake.thing/theirs", "another", "x", {"parents": [id]}, 0)
    error = rig.down().failed["fake.thing/one"]
    assert isinstance(error, TimedOut)
    assert "in use by ['fake.thing/theirs']" in error.message
    return error.message


def test_what_holds_it_is_named_and_counted_where_it_can_be_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Held by" not in held(rig)
    rig.cloud.things.clear()
    monkeypatch.setattr(Fake, "blockers", lambda self, cloud, live: [f"eni-{n} of theirs" for n in range(7)])
    assert "Held by eni-0 of theirs; eni-1 of theirs;" in (said := held(rig))
    assert "eni-4 of theirs; and 2 more." in said


def test_a_look_for_who_holds_it_that_fails_does_not_hide_that_it_is_held(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blockers(self: Fake, cloud: FakeCloud, live: Live) -> tuple[str, ...]:
        raise ResourceError("not now", code="Unavailable")

    monkeypatch.setattr(Fake, "blockers", blockers)
    assert "Held by" not in held(rig)


def test_what_somebody_else_deletes_at_the_same_moment_is_gone(rig: Rig) -> None:
    rig.up([Fake("one")])
    rig.cloud.witness = lambda verb, address: rig.cloud.things.clear()
    assert rig.down().clean
    assert rig.state.records == {}


def test_a_deletion_whose_steps_take_all_of_its_time_is_over(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.up([Fake("one")])

    def step(self: Fake, cloud: FakeCloud, live: Live) -> None:
        cloud.mutate("delete", self.address)
        cloud.things[live.id].props["size"] += 1
        rig.clock.advance(Fake.delete_timeout / 2 + 1)

    monkeypatch.setattr(Fake, "delete", step)
    assert isinstance(rig.down().failed["fake.thing/one"], TimedOut)
    assert rig.cloud.log[1:] == [("delete", "fake.thing/one")] * 2


class Stubborn(Fake):
    """A thing that its maker removes, or not: after five seconds it is asked again."""

    kind = "fake.stubborn"
    patience = 5.0


def test_what_does_not_go_is_asked_again_until_its_time_is_over(rig: Rig) -> None:
    rig.up([Stubborn("one")])
    rig.cloud.polls = 100_000
    error = rig.down().failed["fake.stubborn/one"]
    assert isinstance(error, TimedOut)
    assert "was not gone within 15 minutes" in error.message
    assert rig.cloud.log.count(("delete", "fake.stubborn/one")) > 3
    rig.cloud.things["t-1"].polls = 0
    assert rig.down().clean


def test_what_is_seen_to_go_is_not_asked_again_meanwhile(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.up([Stubborn("one")])
    rig.cloud.polls = 100_000
    began, asked, read = rig.clock.now(), [], Stubborn.read_teardown

    def shrinking(self: Stubborn, cloud: FakeCloud, id: str | None) -> Live | None:
        live, left = read(self, cloud, id), max(0, 60 - int(rig.clock.now() - began))
        return live and replace(live, props={"left": left})

    def step(self: Stubborn, cloud: FakeCloud, live: Live) -> None:
        asked.append(rig.clock.now() - began)
        Fake.delete(self, cloud, live)

    monkeypatch.setattr(Stubborn, "read_teardown", shrinking)
    monkeypatch.setattr(Stubborn, "delete", step)
    assert isinstance(rig.down().failed["fake.stubborn/one"], TimedOut)
    assert asked[0] < 5
    assert asked[1] >= 60


def test_what_lived_in_a_host_that_somebody_deleted_is_forgotten_without_a_call(rig: Rig) -> None:
    host = Fake("host")
    rig.up([host, FakePool("pool", lives_in=host)])
    del rig.cloud.things[str(rig.state.records["fake.thing/host"].id)]
    rig.cloud.log.clear()
    outcome = rig.down()
    assert outcome.clean
    assert (rig.cloud.log, rig.state.records) == ([], {})


class Stored(Fake):
    """A thing that is nowhere but in its host."""

    kind = "fake.stored"
    stored_in_host = True


def test_without_what_is_stored_in_a_dead_host_all_else_goes_in_the_same_order(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The balancer came after the release, which came after the rights and was outlived by the nodes."""
    rights, host, nodes = Fake("rights"), Fake("host"), Fake("nodes")
    space = Stored("space", after=[rights], lives_in=host)
    release = Stored("release", after=[space], runtime_depends_on=[nodes], lives_in=host)
    balancer = Fake("balancer", after=[release, space])
    other = Fake("other", runtime_depends_on=[release, nodes])
    rig.up([rights, host, nodes, space, release, balancer, other])
    with rig.execution(lambda session: rig.planned(session, [])) as execution:
        execution.abandon()
        left = rig.state
        with monkeypatch.context() as nothing_to_forget:
            nothing_to_forget.delattr(FileStore, "put")
            execution.abandon()
    deps = {address: (record.deps, record.runtime_depends_on) for address, record in left.records.items()}
    assert deps["fake.thing/balancer"] == (("fake.thing/host", "fake.thing/nodes", "fake.thing/rights"), ())
    assert deps["fake.thing/other"] == ((), ("fake.thing/nodes",))
    assert not any(address.startswith("fake.stored/") for address in deps)
    rig.cloud.log.clear()
    assert rig.down().clean
    order = [address.partition("/")[2] for _, address in rig.cloud.log]
    assert sorted(order) == ["balancer", "host", "nodes", "other", "rights"]
    assert order.index("balancer") < min(order.index(name) for name in ("host", "nodes", "rights"))
    assert order.index("other") < order.index("nodes")
