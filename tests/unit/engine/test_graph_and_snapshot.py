"""Order, and what is seen of what is there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from livekit_deploy.engine.graph import closure, inverse, ordered, without
from livekit_deploy.engine.inputs import Ref, SecretRef, plain, revive, substitute
from livekit_deploy.engine.plan import UNKNOWN, Action, FieldDiff, Plan, PlannedChange, compare
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.engine.snapshot import Snapshot
from livekit_deploy.errors import ConfigError, Denied, ResourceError, StalePlan
from tests.fakes import Fake, FakeCloud


def test_what_is_referred_to_must_be_part_of_the_stack() -> None:
    root = Fake("root")
    with pytest.raises(ConfigError, match=r"fake.thing/leaf.* refers to .*fake.thing/root"):
        ordered([Fake("leaf", parents=[root.id])])


def test_two_at_one_address_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"two resources have the address fake.thing/one"):
        ordered([Fake("one"), Fake("one")])


def test_teardown_waits_for_dependents_and_for_what_it_is_outlived_by() -> None:
    edges = inverse({"release": ["cluster", "nodes"], "nodes": ["cluster"], "cluster": ["gone"]})
    assert edges == {"release": set(), "nodes": {"release"}, "cluster": {"release", "nodes"}}
    assert without(edges, ["nodes"]) == {"release": set(), "cluster": {"release"}}
    assert closure(["cluster"], edges) == {"cluster", "nodes", "release"}


def test_references_and_secrets_survive_their_plain_form() -> None:
    secret = SecretRef("arn", "key", "v1")
    assert revive(plain({"a": [secret], "b": ({"c": 1},)})) == {"a": [secret], "b": [{"c": 1}]}
    root, other = Fake("root"), Fake("other")
    assert root.id == Ref(root, "id")
    assert len({root.id, Ref(root, "id"), other.id}) == 2
    assert repr(root.id) == "Ref(fake.thing/root.id)"
    assert substitute({"x": [root.id]}, lambda ref: ref.address) == {"x": ["fake.thing/root"]}
    assert plain([moment := datetime(2026, 1, 1)]) == [moment]


# ---- sight


class Hosted(Resource):
    """Lives in a host that is scanned first; may be forbidden to read."""

    kind = "fake.hosted"
    host_kind = "fake.host"

    def read(self, cloud: Any, id: str | None) -> Live | None:
        raise cloud.error

    @classmethod
    def scan(cls, cloud: Any, host: Live | None) -> Iterable[Found]:
        return [Found("fake.hosted/in-" + host.id, Live("in-" + host.id, Status.READY))] if host else []


@dataclass
class Refusing(FakeCloud):
    """A cloud that answers a read with an error."""

    error: ResourceError = field(default_factory=lambda: ResourceError("broken"))


class Host(Resource):
    """Two of them are there."""

    kind = "fake.host"

    @classmethod
    def scan(cls, cloud: Any, host: Live | None) -> Iterable[Found]:
        if not isinstance(cloud, Refusing):  # another test's cloud: the registry of kinds is one for all
            return []
        return [Found(f"fake.host/{id}", Live(id, Status.READY)) for id in ("a", "b")]


def test_what_lives_in_hosts_is_scanned_in_each() -> None:
    snapshot = Snapshot(Refusing(error=Denied("no")))
    snapshot.scan([Hosted, Host])
    assert snapshot.addresses("fake.hosted") == {"fake.hosted/in-a", "fake.hosted/in-b"}
    assert snapshot.look(Hosted("in-b"), "in-b") is not None
    with pytest.raises(Denied):  # what has no record is read by itself: a list may be late
        snapshot.look(Hosted("in-b"), None)
    assert [found.live.id for _, found in snapshot.untracked({"fake.host/a": "a", "fake.host/b": None})] == [
        "in-a",
        "in-b",
    ]


def test_what_may_not_be_read_is_an_error_when_it_is_looked_at_and_names_the_address() -> None:
    snapshot = Snapshot(Refusing(error=Denied("no rights")))
    snapshot.prefetch([(Hosted("x"), None)])
    with pytest.raises(Denied) as refused:
        snapshot.look(Hosted("x"), None)
    assert refused.value.address == "fake.hosted/x"
    with pytest.raises(ResourceError, match="broken"):
        Snapshot(Refusing(error=ResourceError("broken"))).look(Hosted("x"), None)


def test_what_lives_in_an_absent_host_is_absent_without_a_read() -> None:
    assert Snapshot(Refusing(error=ResourceError("never asked"))).look(Hosted("x", lives_in=Host("a")), None) is None


# ---- plans


def plan(**changes: Any) -> Plan:
    base: dict[str, Any] = {
        "command": "up",
        "lineage": "l",
        "serial": 1,
        "digest": "d",
        "all": (),
        "header": {"env": "uat"},
    }
    return Plan(**{**base, **changes})


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ({"command": "down"}, "the plan is for up, not for down"),
        ({"lineage": "other"}, "another state document"),
        ({"serial": 2}, "the state moved from #1 to #2"),
        ({"digest": "e"}, "the plan was made with other settings"),
        ({"header": {"env": "dev"}}, "it is a plan for the environment uat, and this is dev"),
        (
            {"all": (PlannedChange("a.b/c", Action.CREATE, "infrastructure"),)},
            "changed in AWS since the plan: a.b/c",
        ),
    ],
)
def test_a_plan_that_no_longer_holds_is_refused_by_what_moved(now: dict[str, Any], says: str) -> None:
    plan().expect(plan())
    with pytest.raises(StalePlan, match=says):
        plan().expect(plan(**now))


SIZE = FieldDiff("size", 1, 2)


@pytest.mark.parametrize(
    "edit",
    [
        {"before": 0},
        {"after": 3},
        {"after": "2"},
        {"path": "cidr"},
        {"origin": "drift"},
    ],
)
def test_a_saved_plan_that_says_something_else_than_what_would_be_done_is_refused(edit: dict[str, Any]) -> None:
    """Edited by hand, or moved in AWS since: what was looked at is what is done."""

    def said(*diffs: FieldDiff) -> Plan:
        return plan(all=(PlannedChange("a.b/c", Action.UPDATE, "infrastructure", diffs),))

    saved = Plan.load(said(SIZE, FieldDiff("ports", (1, 2), UNKNOWN)).dump())
    saved.expect(said(SIZE, FieldDiff("ports", (1, 2), UNKNOWN)))
    with pytest.raises(StalePlan, match=r"changed in AWS since the plan: a\.b/c$"):
        Plan.load(said(SIZE).dump()).expect(said(replace(SIZE, **edit)))
    with pytest.raises(StalePlan, match=r"a\.b/c$"):
        Plan.load(said().dump()).expect(said(SIZE))


@pytest.mark.parametrize("text", ["", "[]", "[" * 99_999, "{}", '{"format": 1}', '{"format": 99, "all": []}'])
def test_what_is_no_saved_plan_is_refused(text: str) -> None:
    with pytest.raises(StalePlan, match="this is not a saved plan"):
        Plan.load(text)


def test_a_plan_that_another_version_saved_is_refused_as_such() -> None:
    saved = json.loads(plan().dump())
    with pytest.raises(StalePlan, match="saved by another version"):
        Plan.load(json.dumps({**saved, "format_version": 99}))


def test_secrets_are_compared_by_their_address_and_marked() -> None:
    before, after = SecretRef("arn", "", "v1").plain(), SecretRef("arn", "", "v2").plain()
    assert list(compare("token", before, after, "config")) == [FieldDiff("token", before, after, "config", True)]
    assert list(compare("x", {"a": 1, "b": 2}, {"a": 1, "b": 3}, "drift")) == [FieldDiff("x.b", 2, 3, "drift")]


def _changes(*said: str) -> tuple[PlannedChange, ...]:
    """``address action id`` each."""
    return tuple(
        PlannedChange(one.split()[0], Action(one.split()[1]), "infrastructure", id=one.split()[2]) for one in said
    )


def test_less_than_the_plan_is_taken_for_the_rest_of_it_only_where_it_is() -> None:
    saved = plan(lineage=None, serial=0, all=_changes("a/a create -", "a/b create -", "a/c delete c-1"))
    saved.expect(plan(serial=4, all=_changes("a/b create -", "a/c delete c-1")))
    saved.expect(plan(serial=4, all=_changes("a/a resume a-1", "a/b create -", "a/c delete c-1")))
    saved.expect(plan(serial=9))
    for other in ("a/c delete c-2", "a/d create -", "a/c update -", "a/c create -"):
        with pytest.raises(StalePlan, match="lineage differs"):
            saved.expect(plan(serial=4, all=_changes(other)))
    with pytest.raises(StalePlan, match="lineage differs"):
        plan(lineage=None, all=saved.all[:2]).expect(plan(serial=4, all=saved.all[:2]))  # made, and taken down
    with pytest.raises(StalePlan, match="lineage differs"):
        plan(lineage="k", all=saved.all).expect(plan(serial=4))
