"""A lost state made anew from a cloud in memory: names that count, what is under way, what nobody configured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest

from livekit_deploy.engine.inputs import Output
from livekit_deploy.engine.recover import Recovered, Recovery
from livekit_deploy.engine.resource import Live, Observed, Resource, Status
from livekit_deploy.errors import NotOurs
from livekit_deploy.state.document import Phase, dump
from tests.fakes import Fake, FakePool
from tests.unit.engine.conftest import Rig


def recovered(rig: Rig, resources: Sequence[Resource]) -> Recovered:
    return Recovery(rig.cloud, {kind.kind: kind for kind in (Fake, FakePool, Counting, Watched)}).everything(resources)


def essence(records: Any) -> dict[str, Any]:
    return {address: asdict(replace(record, since="", token=None, spent=None)) for address, record in records.items()}


def pools(template_zone: str = "a") -> list[Resource]:
    template, other = Fake("template"), Fake("other")
    first = FakePool("first", template=template.id, zone=template_zone)
    return [template, other, first, FakePool("second", template=template.id, parents=[other.id])]


def test_names_that_count_how_often_another_was_made_are_found_again(rig: Rig) -> None:
    rig.up(pools())
    for _ in range(3):
        thing = next(t for t in rig.cloud.things.values() if t.address == "fake.thing/template")
        del rig.cloud.things[thing.id]  # somebody deletes it; it is made again, and its users with it
        rig.up(pools())
    assert rig.state.records["fake.thing/template"].generation == 4
    found = recovered(rig, pools())
    assert essence(found.records) == essence(rig.state.records)
    assert (found.surplus, found.absent) == ((), ())


def test_a_name_that_nothing_explains_is_absent_and_what_is_there_is_surplus(rig: Rig) -> None:
    rig.up(pools())
    found = recovered(rig, pools(template_zone="b"))
    assert [address.split("-")[0] for address in found.absent] == ["fake.pool/first"]
    assert [address.split("-")[0] for address in found.surplus] == ["fake.pool/first"]
    assert found.records["fake.thing/template"].generation == 1


def test_surplus_depends_on_what_its_properties_name_and_goes_in_order(rig: Rig) -> None:
    root = Fake("root")
    middle = Fake("middle", parents=[root.id])
    leaf = Fake("leaf", parents=[middle.id])
    rig.up([root, middle, leaf])
    found = recovered(rig, [])
    assert found.surplus[0] == "fake.thing/root"
    deps = {address: record.deps for address, record in found.records.items()}
    assert deps["fake.thing/middle"] == ("fake.thing/root",)
    assert deps["fake.thing/leaf"] == ("fake.thing/middle",)
    state = replace(rig.state, records=found.records)
    rig.store.put(dump(state), rig.store.get().etag)  # type: ignore[union-attr]
    assert rig.down().clean
    assert rig.cloud.things == {}


@pytest.mark.parametrize(
    ("status", "phase"),
    [("pending", Phase.MADE), ("failed", Phase.MADE), ("deleting", Phase.DELETING), ("ready", Phase.READY)],
)
def test_what_is_under_way_is_recorded_as_such(rig: Rig, status: str, phase: Phase) -> None:
    rig.up([Fake("one")])
    thing = rig.cloud.things["t-1"]
    if status == "failed":
        thing.failed = "no room"
    elif status != "ready":
        thing.polls, thing.deleting = 9, status == "deleting"
    assert recovered(rig, [Fake("one")]).records["fake.thing/one"].phase is phase


def test_what_was_changed_is_recorded_as_it_is_and_the_plan_shows_it(rig: Rig) -> None:
    rig.up([Fake("one", size=1, wanted=2)])
    rig.cloud.things["t-1"].props["size"] = 9
    found = recovered(rig, [Fake("one", size=1, wanted=2)])
    assert found.records["fake.thing/one"].inputs["size"] == 9
    assert found.records["fake.thing/one"].inputs["wanted"] == 2  # an autoscaler's: not told, so as it should be


class Counting(Fake):
    """A thing with a number that others may take."""

    kind = "fake.counting"
    number = Output[int]()


def test_what_follows_from_something_absent_and_is_not_told_is_left_out(rig: Rig) -> None:
    rig.up([Fake("one")])
    source = Counting("source")
    found = recovered(rig, [source, Fake("one", wanted=source.number)])
    assert "wanted" not in found.records["fake.thing/one"].inputs
    assert found.records["fake.thing/one"].inputs["size"] == 1


def test_of_twins_one_is_recorded_and_the_other_left_to_the_plan(rig: Rig) -> None:
    rig.up([Fake("one")])
    twin = rig.cloud.things["t-1"]
    rig.cloud.things["t-9"] = type(twin)("t-9", twin.address, twin.lineage, "x", dict(twin.props), 0)
    found = recovered(rig, [Fake("one")])
    assert ({a: r.id for a, r in found.records.items()}, found.surplus) == ({"fake.thing/one": "t-1"}, ())


def test_somebody_elses_object_of_our_name_is_not_recorded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.up([Fake("root")])

    def foreign(self: Fake, cloud: object, id: str | None) -> Live | None:
        raise NotOurs("it is theirs")

    monkeypatch.setattr(FakePool, "read", foreign)
    pool = FakePool("pool")
    assert recovered(rig, [Fake("root"), pool]).unmarked == (pool.address,)


class Watched(Observed):
    """Something that others make."""

    kind = "fake.watched"

    def read(self, cloud: object, id: str | None) -> Live | None:
        return Live(self.instance, Status.READY) if id is not None else None

    @classmethod
    def scan(cls, cloud: object, host: Live | None) -> list[Any]:
        return []


def test_what_is_only_watched_is_recorded_once_what_it_comes_after_is_there(rig: Rig) -> None:
    root = Fake("root")
    rig.up([root])
    assert "fake.watched/gate" in recovered(rig, [root, Watched("gate", after=[root])]).records
    other = Fake("other")
    found = recovered(rig, [root, other, Watched("gate", after=[root, other])])
    assert found.absent == ("fake.thing/other", "fake.watched/gate")
