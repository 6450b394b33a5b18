"""Rights that no column of the matrix asks for are taken away too: those to the state bucket, and those to sweep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.tags import pairs
from livekit_deploy.aws.kinds.barriers import LoadBalancersGone, NetworkInterfacesGone, VolumesGone
from livekit_deploy.config import load_environment
from livekit_deploy.deployer import Deployer
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import DeployError
from livekit_deploy.render import failure
from tests.aws.controller import controller_made
from tests.aws.rig import _boto
from tests.contract.kinds.case import Base
from tests.fakes import FakeClock
from tests.faults.matrix import explains
from tests.faults.rig import FaultRig, faults, world
from tests.faults.test_runs import ENVIRONMENT
from tests.iam_names import ACTIONS

STATE = (
    *("ListObjectsV2", "CreateBucket", "GetBucketTagging", "PutBucketTagging", "PutBucketVersioning"),
    *("PutBucketEncryption", "PutPublicAccessBlock", "PutBucketPolicy", "PutBucketLifecycleConfiguration"),
    *("GetObject", "PutObject"),
)
SWEEP = (
    "elbv2:DescribeLoadBalancerAttributes",
    "elbv2:ModifyLoadBalancerAttributes",
    "elbv2:DeleteLoadBalancer",
    "elbv2:DeleteTargetGroup",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteVolume",
    "ec2:DeleteNetworkInterface",
)
CNI = {"Key": "cluster.k8s.amazonaws.com/name", "Value": "livekit-uat-main"}
OWNED = {"Key": "kubernetes.io/cluster/livekit-uat-main", "Value": "owned"}


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with world():
        yield


# ---- the state bucket


@pytest.mark.parametrize(
    "operation",
    [pytest.param(one, marks=() if one in ("PutBucketEncryption", "PutObject") else pytest.mark.slow) for one in STATE],
)
def test_a_right_to_the_state_that_is_lacking_is_named_and_the_next_up_goes_on(operation: str, tmp_path: Path) -> None:
    path = tmp_path / "dev.yaml"
    path.write_text(ENVIRONMENT)

    def deployer() -> Deployer:
        clients = Clients("us-east-1", opened=_boto())
        env = load_environment(path, environ={})
        return Deployer(env, resources=[Base().vpc()], clients=clients, clock=FakeClock())

    call = f"s3:{operation}"
    silent = {"fault": "denied", "call": call, "message": "Access Denied"}  # S3 often says no more
    with faults(silent), pytest.raises(DeployError) as caught:
        deployer().up()
    error = caught.value
    assert error.exit_code == 4, f"{type(error).__name__}: {error}"
    assert "next    allow " in (said := "\n".join(failure.lines(error)))
    assert f"{ACTIONS.get(call, call)} " in said.replace(",", " ")
    made = deployer()
    made.up()
    assert made.plan().changes == ()
    assert len(made.cloud.ec2.describe_vpcs()["Vpcs"]) == 2, "the default one and ours"


# ---- what others have left


def _declared() -> list[Resource]:
    base = Base()
    subnets = [base.subnet("a"), base.subnet("b")]
    interfaces = NetworkInterfacesGone("main", vpc_id=base.vpc().id, after=subnets)
    volumes = VolumesGone("main", after=[interfaces])
    gone = [interfaces, volumes, LoadBalancersGone("main", after=[volumes, base.group()])]
    return [base.vpc(), base.gateway(), *subnets, base.group(), *gone]


def _left_behind(rig: FaultRig) -> None:
    controller_made(rig)
    ec2, subnet = boto3.client("ec2"), str(rig.records["ec2.subnet/public-a"].id)
    ours = pairs(rig.cloud.ownership.whose)  # as the add-on is told to tag them
    tagged: Any = [{"ResourceType": "volume", "Tags": [OWNED, *ours]}]
    ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=tagged)
    of_cni: Any = [{"ResourceType": "network-interface", "Tags": [CNI]}]
    ec2.create_network_interface(SubnetId=subnet, Description="aws-K8S-i-0123", TagSpecifications=of_cni)


@pytest.mark.slow
def test_a_right_to_the_sweep_that_is_lacking_is_named_and_the_next_down_goes_on(tmp_path: Path) -> None:
    rig = FaultRig(tmp_path)
    assert rig.attempt(_declared()) == {}
    _left_behind(rig)
    for call in SWEEP:
        with faults({"fault": "denied", "call": call}):
            failed = rig.attempt(None)
        assert failed, f"it does not need {call}"
        for address, error in failed.items():
            explains(address, error)
            assert error.exit_code == 4
            action = call.replace("elbv2", "elasticloadbalancing")
            assert f"allow the action {action} to " in error.hint
    assert rig.attempt(None) == {}
    assert rig.records == {}
    assert boto3.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert boto3.client("ec2").describe_volumes()["Volumes"] == []
