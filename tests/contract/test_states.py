"""Whatever state AWS says that something is in, no kind breaks, and nothing that was made is deleted for it.

The states are those of botocore's models, for every enum that a kind looks at, and one that nobody knows yet.
"""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.kinds.states import Meaning, States
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Observed, Resource
from livekit_deploy.errors import DeployError
from tests import enums
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, Case, closure

UNKNOWN = "A_STATE_OF_TOMORROW"
_BY_KIND = [pytest.param(case, id=case.kind.kind) for case in CASES if not issubclass(case.kind, Observed)]
#: what a member may be called that the model does not have, with the source
_BESIDE = {("ec2", "AttachmentStatus"): {"available"}}
_ENDS = re.compile(r"(Delete|Schedule|Terminate|Release|Detach|Revoke)")


@pytest.mark.parametrize("states", [pytest.param(one, id=one.enum) for one in enums.tables().values()])
def test_each_member_of_each_enum_has_one_meaning(states: States) -> None:
    stated = [name for names in states.members.values() for name in names]
    assert len(stated) == len({name.casefold() for name in stated}), "one meaning each"
    if "." in states.enum:
        (said, *_) = enums.field(states.service, states.enum)
        told = re.sub(r"<[^>]+>", "", said.documentation)
        assert {name for name in stated if name not in told} == set(), told
        listed = re.findall(r"[a-z]+(?:-[a-z]+)*|SUCCESS|FAILED", told.partition("-" if "-" in told else "(")[2])
        assert {word for word in listed if word in _ADVERBIAL} <= {word for name in stated for word in name.split()}
        return
    want = enums.members(states.service, states.enum)
    assert want <= set(stated), "AWS has a state without a meaning"
    issue = states.enum.endswith("IssueCode")
    assert issue or set(stated) - want == _BESIDE.get((states.service, states.enum), set()), "AWS has no such state"


#: words of the documentation that name a state
_ADVERBIAL = {
    *("creating", "available", "modifying", "deleting", "create-failed", "snapshotting", "deleted", "rebooting"),
    *("incompatible-network", "restore-failed", "SUCCESS", "FAILED"),
}


#: read by checks, which have words of their own, and issues, whose remedies are those of their causes
_CHECKED = (
    *(
        "TargetHealthStateEnum",
        "AvailabilityZoneState",
        "AvailabilityZoneOptInStatus",
        "CacheClusters[].CacheClusterStatus",
    ),
    *("ClusterIssueCode", "NodegroupIssueCode", "AddonIssueCode"),
)


@pytest.mark.parametrize("states", [pytest.param(one, id=one.enum) for one in enums.tables().values()])
def test_what_needs_a_person_says_what_that_person_does(states: States) -> None:
    """Of what a kind reads; a check says it in words of its own."""
    if states.enum in _CHECKED:
        return
    silent = [
        name
        for name in states.members.get(Meaning.STUCK, ())
        if not states.remedies.get(name) and (states.service, states.enum) != ("acm", "DomainStatus")
    ]
    assert silent == []


def test_a_state_that_nobody_knows_is_on_its_way_with_a_note() -> None:
    for states in enums.tables().values():
        seen = states.of(UNKNOWN)
        assert (seen.meaning, seen.live("x").status.value) == (Meaning.COMING, "pending")
        assert UNKNOWN in seen.live("x").detail
        assert "does not know" in seen.live("x").detail


class Said:
    """Notes what is looked at, and has AWS say something else of one field of one operation."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str, str], enums.Looked] = {}
        self.instead: tuple[str, str, str] | None = None
        self.member = ""

    def __call__(self, looked: enums.Looked) -> str | None:
        where = looked.service, looked.operation, looked.path
        self.seen[where] = looked
        return self.member if where == self.instead else None


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    found = Said()
    enums.watch(monkeypatch, found)
    return found


@pytest.mark.parametrize("case", _BY_KIND)
def test_no_state_of_what_was_made_breaks_a_plan_or_deletes_anything(
    case: Case, said: Said, rig: AwsRig, subtests: pytest.Subtests
) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    subject = case.make(Base())
    if needs := closure(*subject.dependencies()):
        rig.up(needs)
        said.seen.clear()
        rig.plan(needs)
    known = set(said.seen)

    def everything() -> list[Resource]:
        return closure(case.make(Base()))

    rig.up(everything())
    said.seen.clear()
    assert rig.plan(everything()).changes == ()
    for where, looked in sorted(said.seen.items()):
        table = enums.tables().get(looked.key)
        if where in known or table is None:
            continue
        for member in sorted({*(name for names in table.members.values() for name in names), *looked.members, UNKNOWN}):
            with subtests.test(field="/".join(where), member=member):
                _survives(rig, said, subject, everything, where, member, table.of(member).meaning)


def _survives(
    rig: AwsRig, said: Said, subject: Resource, everything: Any, where: Any, member: str, meaning: Meaning
) -> None:
    said.instead, said.member = where, member
    rig.calls()
    try:
        plan = rig.plan(everything())
        if subject.fails_unused and meaning is Meaning.FAILED:
            assert [change.remakes for change in plan.changes if change.address == subject.address] == [True]
            return
        assert plan.removals == 0, [change for change in plan.changes if change.action is Action.DELETE]
        if meaning in (Meaning.STUCK, Meaning.FAILED, Meaning.DEGRADED):
            _up(rig, everything)
            assert [name for name in rig.calls() if _ENDS.match(name)] == []
    finally:
        said.instead = None


def _up(rig: AwsRig, everything: Any) -> None:
    failed: DeployError | None = None
    try:
        rig.up(everything())
    except DeployError as error:
        failed = error
    assert failed is None or failed.hint, failed
