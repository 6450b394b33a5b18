"""A replication group that is declared, and as ElastiCache describes it."""

from __future__ import annotations

import json
from typing import Any

import boto3

from livekit_deploy.aws.kinds.elasticache.replication_groups import ReplicationGroup
from livekit_deploy.aws.kinds.elasticache.subnet_groups import SubnetGroup
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.resource import Resource

TOKEN = "correct-horse-battery-staple"


def secret(value: str, arn: str | None = None) -> SecretRef:
    client, text = boto3.client("secretsmanager"), json.dumps({"token": TOKEN + value})
    if arn is None:
        made = client.create_secret(Name="redis", SecretString=text)
    else:
        made = client.put_secret_value(SecretId=arn, SecretString=text)
    return SecretRef(made["ARN"], "token", made["VersionId"])


def redis(ids: dict[str, Any], subnets: int = 2, **more: Any) -> list[Resource]:
    values: dict[str, Any] = {
        "version": "8.0",
        "node_type": "cache.t4g.small",
        "replicas": 1,
        "failover": True,
        "multi_az": True,
        "snapshot_retention": 1,
        "security_group_ids": ids["groups"][:1],
        "auth_token": ids["token"],
        **more,
    }
    group = SubnetGroup("redis", subnet_ids=ids["subnets"][:subnets])
    return [group, ReplicationGroup("redis", subnet_group=group.group_name, **values)]


def described() -> dict[str, Any]:
    (group,) = boto3.client("elasticache").describe_replication_groups()["ReplicationGroups"]
    return dict(group)
