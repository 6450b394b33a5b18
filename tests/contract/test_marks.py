"""Somebody takes our tags off an object, or changes them: shown for every kind, put back only where it is adopted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.access.tags import ADDRESS, ENV, LINEAGE, PROJECT
from livekit_deploy.aws.kinds.eks.access_entries import AccessEntry
from livekit_deploy.aws.kinds.eks.cluster import CREATOR
from livekit_deploy.engine.plan import Action, Plan
from livekit_deploy.engine.recover import Recovery
from livekit_deploy.engine.resource import Live, Observed, Resource, Status
from livekit_deploy.stack import KINDS as PRODUCT
from livekit_deploy.state.document import Record
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, Case, closure
from tests.contract.test_resource import Verbs
from tests.following import adopted
from tests.kinds import kinds

MAKER = AccessEntry("creator").address
MARKS = (PROJECT, ENV, LINEAGE, ADDRESS)
#: kinds whose objects AWS cannot tag, each with the reason
UNTAGGED = {
    "kms.alias": "an alias has no tags: it is ours by its key",
    "route53.record": "a record has no tags: it is ours by the state and by what it says",
    "elbv2.load_balancer": "the load balancer controller makes it and tags it",
}
#: kinds of the cluster, which have labels and values (tests/k8s/test_marks.py)
IN_THE_CLUSTER = {"k8s.namespace", "k8s.secret", "helm.release"}


def _aws(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def _by_kind(made: Record, keys: Sequence[str]) -> dict[str, Callable[[], object]]:
    """How tags are taken off an object of each service, through nothing of ours."""
    keys, arn = list(keys), made.outputs.get("arn")
    pairs = [{"Key": key} for key in keys]
    return {
        "ec2": lambda: _aws("ec2").delete_tags(Resources=[made.id], Tags=pairs),
        "iam.role": lambda: _aws("iam").untag_role(RoleName=made.id, TagKeys=keys),
        "iam.policy": lambda: _aws("iam").untag_policy(PolicyArn=made.id, TagKeys=keys),
        "iam.oidc_provider": lambda: _aws("iam").untag_open_id_connect_provider(
            OpenIDConnectProviderArn=made.id, TagKeys=keys
        ),
        "eks": lambda: _aws("eks").untag_resource(resourceArn=arn, tagKeys=keys),
        "elasticache": lambda: _aws("elasticache").remove_tags_from_resource(ResourceName=arn, TagKeys=keys),
        "secretsmanager": lambda: _aws("secretsmanager").untag_resource(SecretId=made.id, TagKeys=keys),
        "kms": lambda: _aws("kms").untag_resource(KeyId=made.id, TagKeys=keys),
        "acm": lambda: _aws("acm").remove_tags_from_certificate(CertificateArn=made.id, Tags=pairs),
        "logs": lambda: _aws("logs").untag_resource(resourceArn=arn, tagKeys=keys),
    }


def strip(made: Record, *keys: str) -> None:
    """Take these tags off."""
    ways = _by_kind(made, keys)
    (ways.get(made.kind) or ways[made.kind.partition(".")[0]])()


def put_on(rig: AwsRig, address: str, tags: Mapping[str, str] | None = None) -> None:
    """Put tags on an object, by default its own, as another run would."""
    made = rig.records[address]
    item = kinds()[made.kind].recorded(address, made.inputs)
    live = Live(str(made.id), Status.READY, outputs=made.outputs)
    item.put_own_tags(rig.cloud, live, tags or item.own_tags(rig.cloud, {}))


TAGGED = [
    pytest.param(case, id=case.kind.kind)
    for case in CASES
    if not issubclass(case.kind, Observed) and case.kind.kind not in UNTAGGED
]


@pytest.fixture(autouse=True)
def zone(aws: None) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")


def built(case: Case) -> tuple[Resource, list[Resource]]:
    subject = case.make(Base())
    return subject, closure(subject)


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
