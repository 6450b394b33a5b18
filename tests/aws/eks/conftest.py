"""The role and the subnets of a cluster."""

from __future__ import annotations

import boto3
import pytest

from tests.aws.eks.clusters import TRUST


@pytest.fixture
def subnets(aws: None) -> list[str]:
    found = boto3.client("ec2").describe_subnets()["Subnets"]
    return sorted(item["SubnetId"] for item in found if item["AvailabilityZone"] != "us-east-1e")  # EKS takes no such


@pytest.fixture(autouse=True)
def role(aws: None) -> None:
    boto3.client("iam").create_role(RoleName="livekit-uat-cluster", AssumeRolePolicyDocument=TRUST)
