"""An object of exactly our name that is not on record: for every kind neither adopted, changed nor deleted."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import boto3
import pytest

from livekit_deploy.engine.resource import Live, Resource
from livekit_deploy.errors import DeployError, NotOurs
from livekit_deploy.state.document import Record
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import ZONE, Case
from tests.contract.marks import MARKS, TAGGED, built, put_on, strip
from tests.contract.test_ownership import part_of_ours
from tests.kinds import kinds

#: kinds that are never looked up by a name, each with the reason: beside such an object ours is made, or fails to be
NAMELESS = {
    **dict.fromkeys(
        (
            *("ec2.vpc", "ec2.subnet", "ec2.internet_gateway", "ec2.elastic_ip", "ec2.nat_gateway", "ec2.route_table"),
            *("ec2.vpc_endpoint", "ec2.flow_log"),
        ),
        "EC2 gives it an id, and its Name tag is for people",
    ),
    "kms.key": "KMS gives it an id; its name is an alias, which is refused in tests/aws/test_natural_names.py",
    "acm.certificate": "ACM gives it an ARN, and as many certificates of a domain as are asked for",
}


#: what an object says of others, which are ours: a subnet's table, and a gateway that has gone
OF_OURS = {"ec2.route_table": ("subnet_ids", "routes")}
#: what is said in a group of ours is ours to say: `open_port` in tests/contract/by_hand.py
IN_OURS = "ec2.security_group_rule"
NAMESAKES = [param for param in TAGGED if param.id != IN_OURS]


@pytest.fixture(autouse=True)
def zone(aws: None) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")


def _seen(rig: AwsRig, record: Record, address: str) -> Live | None:
    """What is there under an id, with its tags."""
    item = kinds()[record.kind].recorded(address, record.inputs)
    if record.lives_in:
        host = rig.records[record.lives_in]
        item.host = kinds()[host.kind].recorded(record.lives_in, host.inputs).read(rig.cloud, host.id)
    live = item.read(rig.cloud, record.id)
    if live is None:
        return None
    told = {key: value for key, value in live.props.items() if key not in OF_OURS.get(record.kind, ())}
    return replace(live, held={}, props=told)


def _unrecorded(rig: AwsRig, subject: Resource, marks: str) -> Record:
    """The object of a subject as somebody else's: no record of it, and no tags or those of another environment."""
    record = rig.records[subject.address]
    strip(record, *MARKS)
    if marks == "another's":
        ours = rig.cloud.ownership
        rig.marked(env="another", lineage="11111111-2222-3333-4444-555555555555")
        put_on(rig, subject.address, rig.cloud.ownership.own(subject.address))
        rig.cloud = replace(rig.cloud, ownership=ours)
    session = rig._session()
    session.write({subject.address: None})
    session.release()
    return record


@pytest.mark.parametrize("marks", ["none", "another's"])
@pytest.mark.parametrize("case", NAMESAKES)
def test_what_has_our_name_and_not_our_marks_is_left_alone(case: Case, marks: str, rig: AwsRig) -> None:
    subject, everything = built(case)
    rig.up(everything)
    record = _unrecorded(rig, subject, marks)
    before = _seen(rig, record, subject.address)
    assert before is not None

    rig.calls()
    if case.kind.kind in NAMELESS:
        with contextlib.suppress(DeployError):
            rig.up(built(case)[1])
    else:
        for _ in range(2):
            with pytest.raises(NotOurs, match="exists already"):
                rig.up(built(case)[1])
        assert rig.calls() == [], "refused before anything was made or changed"
    assert _seen(rig, record, subject.address) == before
    if part_of_ours(record):
        return
    rig.taken_down(*kinds().values())
    assert _seen(rig, record, subject.address) == before
