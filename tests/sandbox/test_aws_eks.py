"""EKS of the sandbox: what moto lacks, as boto3 sees it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.aws.conftest import aws  # noqa: F401  the sandbox's AWS in this process


def _role(name: str) -> str:
    made = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    return str(made["Role"]["Arn"])


@pytest.fixture
def cluster(aws: None) -> dict[str, Any]:  # noqa: F811
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    eks = boto3.client("eks")
    eks.create_cluster(name="main", version="1.36", roleArn=_role("cluster"), resourcesVpcConfig={"subnetIds": subnets})
    found: dict[str, Any] = eks.describe_cluster(name="main")["cluster"]
    return found


def _group(cluster: dict[str, Any], name: str, size: int) -> None:
    boto3.client("eks").create_nodegroup(
        clusterName="main",
        nodegroupName=name,
        subnets=cluster["resourcesVpcConfig"]["subnetIds"],
        nodeRole=f"arn:aws:iam::123456789012:role/{name}",
        scalingConfig={"minSize": 1, "maxSize": 5, "desiredSize": size},
    )
    boto3.client("eks").describe_nodegroup(clusterName="main", nodegroupName=name)


def _running(group: str) -> int:
    filters = [
        {"Name": "tag:eks:nodegroup-name", "Values": [group]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    found = boto3.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return sum(len(one["Instances"]) for one in found)


def test_each_node_group_has_its_own_instances(cluster: dict[str, Any]) -> None:
    _group(cluster, "media", 2)
    _group(cluster, "system", 3)
    assert (_running("media"), _running("system")) == (2, 3)
