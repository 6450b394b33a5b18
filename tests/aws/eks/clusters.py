"""A cluster that is declared, and as EKS describes it."""

from __future__ import annotations

import json
from typing import Any

import boto3

from livekit_deploy.aws.kinds.eks.access_entries import AccessEntry
from livekit_deploy.aws.kinds.eks.addons import Addon
from livekit_deploy.aws.kinds.eks.cluster import Cluster
from livekit_deploy.engine.resource import Resource
from tests.aws.test_iam import CLUSTER_TRUST

ROLE = "arn:aws:iam::123456789012:role/livekit-uat-cluster"
NAME = "livekit-uat-main"
TRUST = json.dumps(CLUSTER_TRUST)
OPEN = ["0.0.0.0/0"]


def cluster(subnets: list[str], **more: Any) -> Cluster:
    values: dict[str, Any] = {"version": "1.36", "public_cidrs": OPEN, "logs": ["api", "audit"], **more}
    return Cluster("main", role_arn=ROLE, subnet_ids=subnets[:2], **values)


# ---- access


def principal(name: str) -> str:
    return str(boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"])


def access(
    subnets: list[str], *admins: str, policies: tuple[str, ...] = ("AmazonEKSClusterAdminPolicy",)
) -> list[Resource]:
    host = cluster(subnets)
    maker = AccessEntry("creator", lives_in=host)
    others = [
        AccessEntry(arn.rpartition("/")[2], principal=arn, policies=policies, lives_in=host, after=[maker])
        for arn in admins
    ]
    return [host, maker, *others]


# ---- add-ons


def addon(subnets: list[str], name: str = "vpc-cni", **more: Any) -> list[Resource]:
    host = cluster(subnets)
    return [host, Addon(name, lives_in=host, **more)]
