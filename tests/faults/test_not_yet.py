"""What AWS refuses for a while in its many words: roles that have not spread, things still held, others at work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.state_bucket.bucket import ensure_bucket
from livekit_deploy.engine.resource import Resource
from livekit_deploy.sandbox.faults.catalogue import CATALOGUE
from livekit_deploy.state.document import Holder, State
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import S3Store
from tests.contract.cases import CASES
from tests.contract.kinds.case import Base, closure
from tests.faults.rig import FaultRig, faults, world

ROLES = CATALOGUE["role-not-ready"].texts
#: the kind that makes each of those calls
MAKERS = {
    "eks:CreateCluster": "eks.cluster",
    "eks:CreateNodegroup": "eks.node_group",
    "eks:CreateAddon": "eks.addon",
    "eks:CreateAccessEntry": "eks.access_entry",
    "ec2:CreateFlowLogs": "ec2.flow_log",
}
#: kind, the call that deletes it, and what AWS says while it is still held or changed
HELD = [
    (
        "ec2.elastic_ip",
        "ec2:ReleaseAddress",
        "AuthFailure",
        "You do not have permission to access the specified resource.",
    ),
    ("ec2.elastic_ip", "ec2:ReleaseAddress", "InvalidIPAddress.InUse", "Address 1.2.3.4 is in use."),
    ("ec2.subnet", "ec2:DeleteSubnet", "DependencyViolation", "The subnet has dependencies and cannot be deleted."),
    ("ec2.vpc", "ec2:DeleteVpc", "DependencyViolation", "The vpc has dependencies and cannot be deleted."),
    ("ec2.security_group", "ec2:DeleteSecurityGroup", "DependencyViolation", "resource sg-1 has a dependent object"),
    ("ec2.security_group", "ec2:DeleteSecurityGroup", "InvalidGroup.InUse", "There are active instances using it"),
    ("ec2.internet_gateway", "ec2:DetachInternetGateway", "DependencyViolation", "Network has some mapped addresses"),
    ("ec2.route_table", "ec2:DeleteRouteTable", "DependencyViolation", "The routeTable has dependencies"),
    ("iam.role", "iam:DeleteRole", "DeleteConflict", "Cannot delete entity, must detach all policies first."),
    ("iam.role", "iam:DeleteRole", "ConcurrentModification", "Request was rejected"),
    ("iam.policy", "iam:DeletePolicy", "DeleteConflict", "Cannot delete a policy attached to entities."),
    ("eks.cluster", "eks:DeleteCluster", "ResourceInUseException", "Cluster has nodegroups attached"),
    ("eks.cluster", "eks:DeleteCluster", "ResourceInUseException", "main currently has update 0e5c in progress"),
    ("eks.node_group", "eks:DeleteNodegroup", "ResourceInUseException", "media currently has update 0e5c in progress"),
    ("logs.log_group", "logs:DeleteLogGroup", "OperationAbortedException", "A conflicting operation is in progress"),
    ("acm.certificate", "acm:DeleteCertificate", "ResourceInUseException", "Certificate is in use."),
    ("acm.certificate", "acm:DeleteCertificate", "ConflictException", "Another update is in progress."),
    (
        "elasticache.replication_group",
        "elasticache:DeleteReplicationGroup",
        "InvalidReplicationGroupState",
        "Replication group has status modifying, which is not valid for deletion.",
    ),
    (
        "elasticache.parameter_group",
        "elasticache:DeleteCacheParameterGroup",
        "InvalidCacheParameterGroupState",
        "One or more cache clusters are still members of this parameter group.",
    ),
    ("elasticache.subnet_group", "elasticache:DeleteCacheSubnetGroup", "CacheSubnetGroupInUse", "It is in use."),
]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[FaultRig]:
    with world():
        yield FaultRig(tmp_path)


def _of(kind: str) -> tuple[list[Resource], list[Resource]]:
    """One of the kind with all that it needs, and all that it needs."""
    (case,) = [case for case in CASES if case.kind.kind == kind]
    subject = case.make(Base())
    everything = closure(subject)
    return everything, [item for item in everything if item is not subject]


@pytest.mark.parametrize("call", ROLES)
def test_a_role_that_has_not_spread_is_waited_for_in_each_of_awss_words(call: str, rig: FaultRig) -> None:
    """Each is said once, one after the other: the run survives only when it knows all of them."""
    whole, needs = _of(MAKERS[call])
    assert rig.attempt(needs) == {}
    rig.made()
    with faults({"fault": "role-not-ready", "call": call, "times": len(ROLES[call])}):
        assert rig.attempt(whole) == {}
    assert rig.made().count(call) == len(ROLES[call]) + 1


def test_every_call_that_is_given_a_role_is_tried() -> None:
    """A kind that is given a role, and whose making has no such words here, fails."""
    takes = {case.kind.kind for case in CASES if {"role_arn", "node_role_arn", "principal"} & case.kind.inputs.keys()}
    assert takes <= {MAKERS[call] for call in ROLES}


@pytest.mark.parametrize(("kind", "call", "code", "said"), HELD)
def test_what_is_still_held_or_being_changed_is_asked_for_again(
    kind: str, call: str, code: str, said: str, rig: FaultRig
) -> None:
    whole, needs = _of(kind)
    assert rig.attempt(whole) == {}
    rig.made()
    with faults({"fault": "not-found", "call": call, "code": code, "message": said, "times": 2}):
        assert rig.attempt(needs) == {}
    made = rig.made()
    assert made.count(call) >= 3
    assert rig.attempt(None) == {}


@pytest.mark.parametrize(
    "given",
    [
        {"fault": "throttling", "times": 12},
        {"fault": "error-503", "times": 12},
        {"fault": "error-500", "times": 12},
        {"fault": "reset-before", "times": 12},
    ],
    ids=lambda given: str(given["fault"]),
)
@pytest.mark.parametrize("kind", ["eks.cluster", "ec2.nat_gateway", "iam.role"])
def test_reads_that_aws_does_not_answer_after_all_of_botocores_attempts_end_no_run(
    kind: str, given: dict[str, Any], rig: FaultRig
) -> None:
    reads = {
        "eks.cluster": "eks:DescribeCluster",
        "ec2.nat_gateway": "ec2:DescribeNatGateways",
        "iam.role": "iam:GetRole",
    }
    whole, needs = _of(kind)
    with faults({**given, "call": reads[kind], "after": 1}):
        assert rig.attempt(whole) == {}
    with faults({**given, "call": reads[kind]}):
        assert rig.attempt(needs) == {}
    assert rig.attempt(None) == {}


# ---- the bucket of the state, which is no resource of the graph


@pytest.mark.parametrize("code", ["OperationAborted", "NoSuchBucket"])
def test_a_bucket_that_s3_is_still_at_work_on_is_made_all_the_same(code: str, rig: FaultRig) -> None:
    """Each of the calls that make it is refused a few times."""
    ensure_bucket(rig.cloud, "acme-first")
    makes = [one for one in dict.fromkeys(rig.made()) if one.startswith("s3:")]
    assert {"s3:CreateBucket", "s3:PutBucketVersioning", "s3:PutPublicAccessBlock"} <= set(makes)
    for call in makes:
        if (call, code) == ("s3:CreateBucket", "NoSuchBucket"):
            continue
        with faults({"fault": "not-found", "call": call, "code": code, "times": 3}):
            ensure_bucket(rig.cloud, f"acme-{call.partition(':')[2].lower()}")
        assert rig.made().count(call) == 4, call
    boto3.client("s3", region_name="us-east-1").get_public_access_block(Bucket="acme-putpublicaccessblock")


def test_a_document_that_s3_is_still_at_work_on_is_written_all_the_same(rig: FaultRig) -> None:
    ensure_bucket(rig.cloud, "acme-state")
    store = S3Store(rig.cloud.s3, "acme-state", "a.json", owner="123456789012")
    holder = Holder("h", "u", "host", 1, "up", "2026-11-30T00:00:00Z", 90.0)
    with faults({"fault": "not-found", "call": "s3:PutObject", "code": "OperationAborted", "times": 2}):
        session = Session.acquire(store, holder, lambda: State.new("livekit", "uat"))
    session.release()
