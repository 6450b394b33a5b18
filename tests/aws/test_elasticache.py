"""Redis through the real engine: made with TLS and a token, changed step by step, and gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.elasticache import ReplicationGroup, SubnetGroup
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import Blocked, NotOurs
from tests.aws.rig import AwsRig

TOKEN = "correct-horse-battery-staple"


@pytest.fixture
def ids(aws: None) -> dict[str, Any]:
    ec2 = boto3.client("ec2")
    subnets = sorted(item["SubnetId"] for item in ec2.describe_subnets()["Subnets"])
    groups = [ec2.create_security_group(GroupName=name, Description="d")["GroupId"] for name in ("a", "b")]
    return {"subnets": subnets, "groups": groups, "token": secret("1")}


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


def test_redis_is_made_private_and_the_second_run_is_silent(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    made = described()
    assert made["TransitEncryptionEnabled"] is True
    assert made["AuthTokenEnabled"] is True
    assert made["AtRestEncryptionEnabled"] is True
    assert made["AutomaticFailover"] == made["MultiAZ"] == "enabled"
    (address,) = [item for item in rig.records if item.startswith("elasticache.replication_group/")]
    primary = made["NodeGroups"][0]["PrimaryEndpoint"]
    assert rig.outputs(address)["redis_address"] == f"{primary['Address']}:{primary['Port']}"
    rig.calls()
    assert rig.plan(redis(ids)).changes == ()
    rig.up(redis(ids))
    assert rig.calls() == []


def test_the_token_is_in_no_record_and_no_description(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    assert TOKEN not in repr(rig.records)
    assert TOKEN not in described()["Description"]


def test_a_new_token_is_rotated_in(rig: AwsRig, ids: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rig.up(redis(ids))
    ids["token"] = secret("2", ids["token"].arn)
    (change,) = rig.plan(redis(ids)).changes
    assert change.action is Action.UPDATE
    assert [(diff.path, diff.secret) for diff in change.diffs] == [("auth_token", True)]
    rig.calls()
    rig.up(redis(ids))
    assert rig.calls() == ["ModifyReplicationGroup"]
    assert rig.plan(redis(ids)).changes == ()


def test_a_token_is_not_rotated_twice_under_pods_with_the_one_before(rig: AwsRig, ids: dict[str, Any]) -> None:
    """Redis would forget the token of those that drain calls; what else differs is not refused."""
    asked = list[tuple[str, str]]()

    def others(secret: str, version: str) -> str:
        asked.append((secret, version))
        return "2 pods have an earlier one, and drain calls until 2026-11-30T14:05:00Z"

    rig.up(redis(ids))
    rig.cloud.other_holders = others
    assert rig.plan(redis(ids)).changes == ()
    assert rig.plan(redis(ids, node_type="cache.m7g.large")).changes[0].action is Action.UPDATE
    assert asked == [], "nobody asks the cluster unless the token changes"

    present, ids["token"] = ids["token"].version, secret("2", ids["token"].arn)
    (change,) = rig.plan(redis(ids)).changes
    assert (change.action, change.reason) == (Action.BLOCKED, "it cannot be changed yet")
    assert "drain calls until 2026-11-30T14:05:00Z: they would lose Redis" in change.hint
    rig.calls()
    with pytest.raises(Blocked, match="auth_token cannot change"):
        rig.up(redis(ids))
    assert rig.calls() == []
    assert set(asked) == {("redis", present)}

    rig.cloud.other_holders = lambda secret, version: ""
    rig.up(redis(ids))
    assert rig.calls() == ["ModifyReplicationGroup"]


@pytest.mark.parametrize(
    ("wanted", "calls"),
    [
        ({"node_type": "cache.m7g.large"}, ["ModifyReplicationGroup"]),
        ({"version": "8.1"}, ["ModifyReplicationGroup"]),
        ({"snapshot_retention": 0}, ["ModifyReplicationGroup"]),
        ({"multi_az": False}, ["ModifyReplicationGroup"]),
        ({"replicas": 2}, ["IncreaseReplicaCount"]),
        (
            {"replicas": 0, "failover": False, "multi_az": False},
            ["ModifyReplicationGroup", "DecreaseReplicaCount"],
        ),
    ],
)
def test_a_changed_line_is_changed_in_place(
    rig: AwsRig, ids: dict[str, Any], wanted: dict[str, Any], calls: list[str]
) -> None:
    rig.up(redis(ids))
    rig.calls()
    assert set(rig.diffs(redis(ids, **wanted))) == set(wanted)
    rig.up(redis(ids, **wanted))
    assert rig.calls() == calls
    assert rig.plan(redis(ids, **wanted)).changes == ()


def test_one_node_becomes_two_with_failover(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids, replicas=0, failover=False, multi_az=False, snapshot_retention=0))
    rig.calls()
    rig.up(redis(ids))
    assert rig.calls() == ["IncreaseReplicaCount", "ModifyReplicationGroup", "ModifyReplicationGroup"]
    assert described()["AutomaticFailover"] == "enabled"
    assert rig.plan(redis(ids)).changes == ()


def test_other_security_groups_and_subnets(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    wanted = redis(ids, subnets=3, security_group_ids=ids["groups"])
    rig.up(wanted)
    assert rig.plan(wanted).changes == ()
    (group,) = boto3.client("elasticache").describe_cache_subnet_groups()["CacheSubnetGroups"]
    assert len(group["Subnets"]) == 3


def test_an_engine_goes_up_only(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    (change,) = rig.plan(redis(ids, version="7.2")).changes
    assert change.action is Action.BLOCKED
    assert "does not go back" in change.hint
    assert rig.plan(redis(ids, version="8")).changes == ()


def test_without_a_token_it_is_another_group_made_first(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    old = described()["ReplicationGroupId"]
    rig.calls()
    rig.up(redis(ids, auth=False, auth_token=None))
    assert rig.calls() == ["CreateReplicationGroup", "DeleteReplicationGroup"]
    assert described()["ReplicationGroupId"] != old
    assert described()["AuthTokenEnabled"] is False


def test_everything_goes(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    rig.calls()
    rig.down()
    assert rig.calls() == ["DeleteReplicationGroup", "DeleteCacheSubnetGroup"]
    assert boto3.client("elasticache").describe_replication_groups()["ReplicationGroups"] == []


def test_a_group_of_another_environment_is_not_touched(rig: AwsRig, ids: dict[str, Any], tmp_path: Path) -> None:
    AwsRig(tmp_path / "other").up(redis(ids))
    with pytest.raises(NotOurs, match="lineage"):
        rig.plan(redis(ids))


def test_names_fit_what_elasticache_allows(rig: AwsRig, ids: dict[str, Any], tmp_path: Path) -> None:
    long = AwsRig(tmp_path, env="a-very-long-name-of-an-environment")
    long.up(redis(ids))
    name = described()["ReplicationGroupId"]
    assert len(name) <= 40
    assert "--" not in name
