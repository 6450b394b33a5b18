"""What AWS allows one of, by name: somebody else's is found when a plan is made, before anything is, with a way out.

Two environments of one name, each with a state of its own: what the first has made is somebody else's to the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from livekit_deploy.aws.access.tags import LINEAGE
from livekit_deploy.aws.kinds.logs import LogGroup
from livekit_deploy.engine.inputs import revive
from livekit_deploy.engine.resource import Observed
from livekit_deploy.errors import Conflict, NotOurs
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, Case, closure
from tests.faults.rig import FaultRig, world
from tests.following import adopted

#: what is refused because of something else in the same network, which is ours alone, and not because of a name
IN_OUR_NETWORK = {
    *("ec2.subnet", "ec2.nat_gateway", "ec2.vpc_endpoint", "ec2.security_group_rule", "ec2.flow_log"),
}
#: a record is the same, whoever wrote it, when it says the same: tests/aws/test_dns.py has one that does not
SAYS_THE_SAME = {"route53.record"}
TRIED = [case for case in CASES if not issubclass(case.kind, Observed)]


class Twins:
    """The first has made all; the subject of the second is as it would be made."""

    def __init__(self, case: Case, folder: Path) -> None:
        boto3.client("route53", region_name="us-east-1").create_hosted_zone(Name=ZONE, CallerReference="x")
        (folder / "second").mkdir()
        self.first, self.second = FaultRig(folder), FaultRig(folder / "second")
        planned = case.make(Base())
        assert self.first.attempt(closure(planned)) == {}
        self.second._session().release()
        records = self.first.records
        self.subject = planned.resolve(lambda ref: revive(records[ref.address].outputs[ref.output]))
        if (host := planned.lives_in) is not None:
            self.subject.host = host.read(self.first.cloud, records[host.address].id)

    def conflicts(self) -> bool:
        """Whether AWS refuses a second one."""
        try:
            self.subject.create(self.second.cloud, "0" * 32)
        except Conflict:
            return True
        return False


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with world():
        yield


@pytest.mark.parametrize("case", [pytest.param(case, id=case.kind.kind) for case in TRIED])
def test_what_aws_allows_one_of_is_told_as_somebody_elses_by_the_read_of_a_plan(case: Case, tmp_path: Path) -> None:
    twins = Twins(case, tmp_path)
    kind = case.kind.kind
    try:
        seen, told = twins.subject.read(twins.second.cloud, None), ""
    except NotOurs as error:
        seen, told = None, f"{error.message} {error.hint}"
    conflicts = twins.conflicts()
    if conflicts and kind not in IN_OUR_NETWORK:
        assert told, "it is refused only when it is made"
        assert "livekit/uat exists under another state document" in told
        assert "--adopt" not in told, "that environment may be running"
        twins.second.cloud = replace(
            twins.second.cloud,
            ownership=replace(twins.second.cloud.ownership, adopt=frozenset({twins.subject.address})),
        )
        with pytest.raises(NotOurs, match="exists under another state document"):
            twins.subject.read(twins.second.cloud, None)
    else:
        assert seen is None or kind in SAYS_THE_SAME


def test_what_conflicts_within_a_network_is_a_part_of_one() -> None:
    parts = {case.kind.kind for case in CASES if {"vpc_id", "subnet_id", "group_id"} & case.kind.inputs.keys()}
    assert parts >= IN_OUR_NETWORK - {"ec2.security_group_rule"}


def test_a_launch_template_of_somebody_else_ends_the_plan_and_can_be_taken_over(tmp_path: Path) -> None:
    """The rest of the environment is not there: nothing is made."""
    ec2 = boto3.client("ec2", region_name="us-east-1")
    (case,) = [case for case in CASES if case.kind.kind == "ec2.launch_template"]
    rig = FaultRig(tmp_path)
    rig._session().release()
    subject = case.make(Base())
    name = f"livekit-uat-{subject.instance}"
    data = {"InstanceType": "t3.micro"}
    theirs = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"]
    before = rig.made()
    with pytest.raises(NotOurs, match="somebody else made it") as caught:
        rig.plan(closure(subject))
    assert rig.made() == [] == before
    assert ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.20.0.0/16"]}])["Vpcs"] == []
    rig.marked(adopt=adopted(caught.value.hint))
    rig.up(closure(case.make(Base())))
    assert rig.records[subject.address].id == theirs["LaunchTemplateId"]


def test_a_log_group_that_does_not_carry_our_marks_is_not_taken_over(tmp_path: Path) -> None:
    logs = boto3.client("logs", region_name="us-east-1")
    rig = FaultRig(tmp_path)
    rig._session().release()
    names = LogGroup.names(rig.cloud)
    for instance, name in names.items():
        logs.create_log_group(logGroupName=name)
        with pytest.raises(NotOurs):
            LogGroup(instance, retention=7).read(rig.cloud, None)
    assert list(LogGroup.scan(rig.cloud, None)) == []
    logs.tag_log_group(logGroupName=names["cluster"], tags={LINEAGE: "11111111-2222-3333-4444-555555555555"})
    with pytest.raises(NotOurs):
        LogGroup("cluster", retention=7).read(rig.cloud, None)
