"""Somebody takes our tags off an object, or changes them: shown for every kind, put back only where it is adopted."""

from __future__ import annotations

import boto3
import pytest

from livekit_deploy.aws.access.tags import PROJECT
from livekit_deploy.aws.kinds.eks.access_entries import AccessEntry
from livekit_deploy.aws.kinds.eks.cluster import CREATOR
from livekit_deploy.engine.plan import Action, Plan
from livekit_deploy.engine.recover import Recovery
from livekit_deploy.engine.resource import Observed, Resource
from livekit_deploy.stack import KINDS as PRODUCT
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, Case, closure
from tests.contract.marks import IN_THE_CLUSTER, MARKS, TAGGED, UNTAGGED, _aws, built, strip
from tests.contract.test_resource import Verbs
from tests.following import adopted
from tests.kinds import kinds

MAKER = AccessEntry("creator").address


@pytest.fixture(autouse=True)
def zone(aws: None) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")


def _lost(plan: Plan) -> dict[str, set[str]]:
    return {one.address: {diff.path.removeprefix("ownership_tags.") for diff in one.unmarked} for one in plan.unmarked}


def test_every_kind_carries_marks_or_there_is_a_reason() -> None:
    known = {kind.kind for kind in kinds().values() if kind.__module__.startswith("livekit_deploy.")}
    observed = {name for name in known if issubclass(kinds()[name], Observed)}
    assert known - observed - {param.id for param in TAGGED} - UNTAGGED.keys() == IN_THE_CLUSTER


@pytest.mark.parametrize("case", TAGGED)
def test_marks_that_somebody_took_off_are_shown_and_put_back_only_where_it_is_adopted(
    case: Case, rig: AwsRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, everything = built(case)
    rig.up(everything)
    before = rig.records[subject.address]
    strip(before, *MARKS)

    plan = rig.plan(built(case)[1])
    assert _lost(plan) == {subject.address: set(MARKS)}
    assert plan.changes == (), "nothing of it is changed, nothing is made again"
    (shown,) = plan.drift()
    assert shown.address == subject.address
    assert "tags removed" in shown.warning
    rig.calls()
    rig.up(built(case)[1])
    assert rig.calls() == []
    assert rig.records[subject.address] == before

    verbs = Verbs(rig, monkeypatch)
    rig.marked(adopt=adopted(shown.remedy))
    (change,) = rig.plan(built(case)[1]).changes
    assert (change.address, change.action) == (subject.address, Action.UPDATE)
    rig.up(built(case)[1])
    assert len(rig.calls()) == 1, "put back with one call"
    assert verbs.unannounced == set()
    rig.marked(adopt=frozenset())
    plan = rig.plan(built(case)[1])
    assert (plan.changes, plan.unmarked) == ((), ())
    assert rig.records[subject.address].id == before.id


@pytest.mark.parametrize("case", TAGGED)
def test_a_part_of_the_marks_is_seen_too(case: Case, rig: AwsRig) -> None:
    subject, everything = built(case)
    rig.up(everything)
    strip(rig.records[subject.address], PROJECT)
    assert _lost(rig.plan(built(case)[1])) == {subject.address: {PROJECT}}


def test_the_rest_goes_on_as_ever(rig: AwsRig) -> None:
    """What depends on an object without tags uses it as recorded."""
    base = Base()
    vpc, subnet = base.vpc(), base.subnet("a")
    rig.up([vpc, subnet])
    strip(rig.records[vpc.address], *MARKS)
    base = Base()
    more = [base.vpc(), base.subnet("a"), base.subnet("b")]
    assert [(one.address, one.action) for one in rig.plan(more).changes] == [(more[2].address, Action.CREATE)]
    rig.up(more)
    assert more[2].address in rig.records


def _cluster(rig: AwsRig) -> list[Resource]:
    case = next(case for case in CASES if case.kind.kind == "eks.access_entry")
    base = Base()
    return closure(case.make(base), case.kind("creator", lives_in=base.cluster()))


def test_who_made_the_cluster_is_known_from_the_state_when_its_tag_is_gone(rig: AwsRig) -> None:
    rig.up(_cluster(rig))
    made, entry = rig.records["eks.cluster/main"], rig.records[MAKER]
    strip(made, CREATOR)
    plan = rig.plan(_cluster(rig))
    assert _lost(plan) == {"eks.cluster/main": {CREATOR}}
    assert plan.changes == ()
    rig.calls()
    rig.up(_cluster(rig))
    assert rig.calls() == []
    assert rig.records[MAKER].outputs == entry.outputs

    rig.marked(adopt=frozenset({"eks.cluster/main"}))
    rig.up(_cluster(rig))
    assert rig.calls() == ["TagResource"]
    tags = _aws("eks").describe_cluster(name=made.id)["cluster"]["tags"]
    assert tags[CREATOR] == str(made.outputs["creator"]).replace(",", " ")


def test_a_rebuild_names_what_it_does_not_find_because_its_marks_are_gone(rig: AwsRig) -> None:
    def stack() -> list[Resource]:
        base = Base()
        return [base.vpc(), base.role(), base.token()]

    rig.up(stack())
    vpc, role, token = rig.records.values()
    for made in (vpc, role):
        strip(made, *MARKS)
    found = Recovery(rig.cloud.remembering(), PRODUCT).everything(stack())
    assert set(found.records) == {"secretsmanager.secret/token"}
    assert found.unmarked == ("iam.role/cluster",), "its name is taken by something without our tags"
    assert found.absent == ("ec2.vpc/main",), "nothing but its marks would tell it"
    assert token.id == found.records["secretsmanager.secret/token"].id
