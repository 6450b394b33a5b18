"""Somebody takes our tags off an object: for every kind, nothing of it is changed or deleted, and it is named."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from livekit_deploy.aws.access.tags import ADDRESS, ENV, LINEAGE, PROJECT
from livekit_deploy.aws.kinds.logs import LogGroup
from livekit_deploy.errors import NotOurs
from livekit_deploy.state.document import Phase, Record
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import ZONE, Case
from tests.contract.marks import MARKS, TAGGED, built, put_on, strip
from tests.following import adopted
from tests.kinds import kinds


@pytest.fixture(autouse=True)
def zone(aws: None) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")


def part_of_ours(record: Record) -> bool:
    """Whether it is in something else of ours, and goes with that: a child of the cluster's, a rule of a group's."""
    return kinds()[record.kind].dies_with_host or record.kind == "ec2.security_group_rule"


def there(rig: AwsRig, record: Record) -> bool:
    """Whether the object of a record is there."""
    item = kinds()[record.kind].recorded(f"{record.kind}/x", record.inputs)
    if record.lives_in:
        host = rig.records[record.lives_in]
        item.host = kinds()[host.kind].recorded(record.lives_in, host.inputs).read(rig.cloud, host.id)
    return item.read_teardown(rig.cloud, record.id) is not None or item.read(rig.cloud, record.id) is not None


@pytest.mark.parametrize("case", TAGGED)
def test_down_leaves_what_lost_its_marks_names_it_and_ends(case: Case, rig: AwsRig) -> None:
    subject, everything = built(case)
    rig.up(everything)
    record = rig.records[subject.address]
    strip(record, *MARKS)

    execution, outcome = rig.torn_down()
    assert outcome.clean, (outcome.failed, outcome.skipped)
    if part_of_ours(record):
        assert rig.records == {}, "it goes with what it is in, which is ours"
        return
    assert execution.kept[subject.address].id == record.id
    assert "tags removed" in execution.kept[subject.address].why
    assert subject.address not in execution.deleted
    assert set(rig.records) == set(execution.kept), "what is left is recorded, and nothing else is"
    others = set(execution.kept) - {subject.address}
    assert all(subject.address in execution.kept[other].why for other in others), "what it holds is explained by it"
    assert there(rig, record)

    rig.calls()
    execution, outcome = rig.torn_down()
    assert outcome.clean
    assert set(execution.kept) == set(rig.records)
    assert there(rig, record)

    rig.cloud = replace(
        rig.cloud, ownership=replace(rig.cloud.ownership, adopt=adopted(execution.kept[subject.address].hint))
    )
    rig.down()
    assert rig.records == {}


@pytest.mark.parametrize("case", TAGGED)
def test_down_leaves_what_another_state_took_over_and_forgets_it(case: Case, rig: AwsRig) -> None:
    """Also where somebody says that it is to be adopted: that environment may be running."""
    subject, everything = built(case)
    rig.up(everything)
    record = rig.records[subject.address]
    rig.cloud = replace(
        rig.cloud, ownership=replace(rig.cloud.ownership, lineage="11111111-2222-3333-4444-555555555555")
    )
    put_on(rig, subject.address, rig.cloud.ownership.own(subject.address))

    rig.marked(adopt=frozenset({subject.address}))
    execution, outcome = rig.torn_down()
    assert outcome.clean, (outcome.failed, outcome.skipped)
    if part_of_ours(record):
        return
    assert "no longer belongs to us" in execution.kept[subject.address].why
    assert subject.address not in rig.records


def _groups() -> dict[str, dict[str, str]]:
    """The tags of every log group, by its name."""
    logs = boto3.client("logs")
    arns = {one["logGroupName"]: one["arn"].removesuffix(":*") for one in logs.describe_log_groups()["logGroups"]}
    return {name: logs.list_tags_for_resource(resourceArn=arn)["tags"] for name, arn in arns.items()}


def _made_again(rig: AwsRig, tags: dict[str, str]) -> str:
    """The control plane's log group, made again by somebody after a `down` that was cut off had deleted it."""
    rig.up([LogGroup("cluster", retention=7)])
    ((address, record),) = rig.records.items()
    session = rig._session()
    session.intend(address, replace(record, phase=Phase.DELETING))
    session.release()
    (name,) = _groups()
    boto3.client("logs").delete_log_group(logGroupName=name)
    boto3.client("logs").create_log_group(logGroupName=name, tags=tags)
    return name


def test_the_group_that_eks_made_again_after_our_deletion_is_deleted_by_the_next_down(rig: AwsRig) -> None:
    _made_again(rig, {})
    rig.down()
    assert (_groups(), rig.records) == ({}, {})


def test_the_group_that_eks_made_again_is_marked_by_the_next_up(rig: AwsRig) -> None:
    name = _made_again(rig, {})
    rig.up([LogGroup("cluster", retention=7)])
    assert _groups()[name][ADDRESS] == "logs.log_group/cluster"
    plan = rig.plan([LogGroup("cluster", retention=7)])
    assert (plan.changes, plan.unmarked) == ((), ())


@pytest.mark.parametrize("tags", [{PROJECT: "another"}, {LINEAGE: "11111111-2222-3333-4444-555555555555"}])
def test_a_group_of_that_name_with_marks_of_others_is_theirs(tags: dict[str, str], rig: AwsRig) -> None:
    name = _made_again(rig, tags)
    execution, outcome = rig.torn_down()
    assert outcome.clean
    assert _groups() == {name: tags}
    assert "logs.log_group/cluster" in execution.kept


def test_a_group_of_that_name_that_we_never_had_is_somebody_elses(rig: AwsRig) -> None:
    rig._session().release()
    name = LogGroup.names(rig.cloud)["cluster"]
    boto3.client("logs").create_log_group(logGroupName=name)
    with pytest.raises(NotOurs, match="carries none of our tags"):
        rig.plan([LogGroup("cluster", retention=7)])
    rig.down(*kinds().values())
    assert _groups() == {name: {}}


@pytest.mark.parametrize("key", [PROJECT, ENV, LINEAGE, ADDRESS])
def test_every_mark_counts(key: str, rig: AwsRig) -> None:
    case = next(param.values[0] for param in TAGGED if param.id == "iam.role")
    assert isinstance(case, Case)
    subject, everything = built(case)
    rig.up(everything)
    strip(rig.records[subject.address], key)
    execution, outcome = rig.torn_down()
    assert outcome.clean
    assert subject.address in execution.kept
