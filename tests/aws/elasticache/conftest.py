"""What a replication group needs."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.aws.elasticache.groups import secret


@pytest.fixture
def ids(aws: None) -> dict[str, Any]:
    ec2 = boto3.client("ec2")
    subnets = sorted(item["SubnetId"] for item in ec2.describe_subnets()["Subnets"])
    groups = [ec2.create_security_group(GroupName=name, Description="d")["GroupId"] for name in ("a", "b")]
    return {"subnets": subnets, "groups": groups, "token": secret("1")}
