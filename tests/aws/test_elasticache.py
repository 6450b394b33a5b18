"""Redis through the real engine: made with TLS and a token, changed step by step, and gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.elasticache.models import elasticache_backends

from livekit_deploy.aws.kinds.elasticache.parameter_groups import ParameterGroup
from livekit_deploy.aws.kinds.elasticache.replication_groups import ReplicationGroup
from livekit_deploy.aws.kinds.elasticache.subnet_groups import SubnetGroup
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import Blocked, NotOurs
from livekit_deploy.sandbox.aws.elasticache.store import store_of
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
    assert rig.calls() == ["ModifyReplicationGroup"] * 2
    assert rig.plan(redis(ids)).changes == ()


def tokens() -> tuple[str, ...]:
    """Those that Redis takes; "" for none."""
    (group,) = store_of(elasticache_backends["123456789012"]["us-east-1"]).groups.values()
    return group.tokens


def test_an_old_token_ends_when_no_pod_has_it(rig: AwsRig, ids: dict[str, Any]) -> None:
    """Both are good while calls drain, however often it runs; then the old one is ended, once."""
    holding = "1 pod has an earlier one, and drain calls until 2026-11-30T14:05:00Z"
    rig.up(redis(ids))
    rig.bound(other_holders=lambda secret, version: "")
    present, ids["token"] = ids["token"], secret("2", ids["token"].arn)
    assert tokens() == (TOKEN + "1",)

    rig.plan(redis(ids))
    rig.bound(other_holders=lambda secret, version: "" if version == present.version else holding)
    for calls in (["ModifyReplicationGroup"], []):
        rig.calls()
        rig.up(redis(ids))
        assert rig.calls() == calls
        assert tokens() == (TOKEN + "1", TOKEN + "2")
        plan = rig.plan(redis(ids))
        assert plan.changes == ()
        (said,) = plan.unfinished.values()
        assert "the previous token stays valid" in said
        assert holding in said

    rig.bound(other_holders=lambda secret, version: "")
    (change,) = rig.plan(redis(ids)).changes
    assert [(diff.path, diff.before, diff.after) for diff in change.diffs] == [("old_token", True, False)]
    rig.up(redis(ids))
    assert rig.calls() == ["ModifyReplicationGroup"]
    assert tokens() == (TOKEN + "2",)
    rig.up(redis(ids))
    assert rig.calls() == []


def test_a_second_rotation_before_the_first_has_ended_keeps_the_newer_two(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    holders = dict[str, str]()
    rig.bound(other_holders=lambda secret, version: holders.get(version, "1 pod has an earlier one"))
    holders[ids["token"].version] = ""
    for value in ("2", "3"):
        ids["token"] = secret(value, ids["token"].arn)
        rig.up(redis(ids))
        holders[previous(rig)] = ""  # its pods have followed, but nobody ran `up`
    assert tokens() == (TOKEN + "2", TOKEN + "3")
    rig.up(redis(ids))
    assert tokens() == (TOKEN + "3",)


def previous(rig: AwsRig) -> str:
    return str(described()["Description"].split(" token ")[1].split()[0])


def test_auth_that_somebody_switched_is_not_fought_over(rig: AwsRig, ids: dict[str, Any]) -> None:
    """ElastiCache takes a token away for user groups only, and puts AUTH back only by hand."""
    rig.up(redis(ids))
    boto3.client("elasticache").modify_replication_group(
        ReplicationGroupId=described()["ReplicationGroupId"],
        AuthTokenUpdateStrategy="DELETE",
        UserGroupIdsToAdd=["theirs"],
        ApplyImmediately=True,
    )
    (change,) = rig.plan(redis(ids)).changes
    assert change.action is Action.BLOCKED
    assert "user groups" in change.hint


@pytest.mark.parametrize("replicas", [0, 1])
def test_snapshots_are_taken_of_a_member_that_there_is(rig: AwsRig, ids: dict[str, Any], replicas: int) -> None:
    """The first member may be gone after a failover, and is the primary before one."""
    elasticache = boto3.client("elasticache")
    some = {"failover": bool(replicas), "multi_az": False, "replicas": replicas}
    rig.up(redis(ids, snapshot_retention=0, multi_az=False))
    name = described()["ReplicationGroupId"]
    elasticache.test_failover(ReplicationGroupId=name, NodeGroupId="0001")
    described()
    rig.up(redis(ids, snapshot_retention=0, **some))
    rig.up(redis(ids, snapshot_retention=7, **some))
    assert described()["SnapshotRetentionLimit"] == 7
    members = {one["CacheClusterId"]: one["CurrentRole"] for one in described()["NodeGroups"][0]["NodeGroupMembers"]}
    assert members[described()["SnapshottingClusterId"]] == ("replica" if replicas else "primary")


def test_a_minor_version_that_aws_raised_stops_nothing(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    assert described()["AutoMinorVersionUpgrade"] is False, "the file says which version it is"
    boto3.client("elasticache").modify_replication_group(
        ReplicationGroupId=described()["ReplicationGroupId"], EngineVersion="8.2", ApplyImmediately=True
    )
    described()
    plan = rig.plan(redis(ids))
    assert plan.changes == ()
    ((said, remedy),) = plan.warnings.values()
    assert "runs valkey 8.2.1, and the file says 8.0" in said
    assert 'set redis.version to "8.2"' in remedy
    assert rig.plan(redis(ids, version="8.2")).warnings == {}
    rig.calls()
    rig.up(redis(ids, node_type="cache.m7g.large"))
    assert rig.calls() == ["ModifyReplicationGroup"]


def test_a_group_that_aws_may_upgrade_is_taken_back(rig: AwsRig, ids: dict[str, Any]) -> None:
    """One that an earlier version of this program made, when it said nothing of it."""
    rig.up(redis(ids))
    boto3.client("elasticache").modify_replication_group(
        ReplicationGroupId=described()["ReplicationGroupId"], AutoMinorVersionUpgrade=True, ApplyImmediately=True
    )
    described()
    assert rig.diffs(redis(ids)) == {"minor_upgrades": (True, False)}
    rig.up(redis(ids))
    assert described()["AutoMinorVersionUpgrade"] is False


def test_a_token_is_not_rotated_twice_under_pods_with_the_one_before(rig: AwsRig, ids: dict[str, Any]) -> None:
    """Redis would forget the token of those that drain calls; what else differs is not refused."""
    asked = list[tuple[str, str]]()

    def others(secret: str, version: str) -> str:
        asked.append((secret, version))
        return "2 pods have an earlier one, and drain calls until 2026-11-30T14:05:00Z"

    rig.up(redis(ids))
    rig.bound(other_holders=others)
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

    rig.bound(other_holders=lambda secret, version: "")
    rig.up(redis(ids))
    assert rig.calls() == ["ModifyReplicationGroup"] * 2


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


def test_snapshots_wait_until_the_group_is_not_maintained(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    (change,) = rig.plan(redis(ids, snapshot_window="07:30-08:30")).changes
    assert change.action is Action.BLOCKED
    assert change.hint == (
        "ElastiCache takes no snapshots while it maintains the group: set redis.snapshot_window to a time outside of "
        "sun:07:00-sun:08:00."
    )
    rig.up(redis(ids, snapshot_window="08:00-09:00"))
    assert described()["SnapshotWindow"] == "08:00-09:00"


def tuned(ids: dict[str, Any], family: str = "valkey8", version: str = "8.0", **values: str) -> list[Resource]:
    settings = ParameterGroup("redis", family=family, parameters={k.replace("_", "-"): v for k, v in values.items()})
    return [settings, *redis(ids, version=version, parameter_group=settings.group_name)]


def parameters() -> dict[str, str]:
    """The settings of the group that the nodes have."""
    client = boto3.client("elasticache")
    (name,) = {one["CacheParameterGroup"]["CacheParameterGroupName"] for one in _nodes(client)}
    found = client.describe_cache_parameters(CacheParameterGroupName=name, Source="user")["Parameters"]
    return {one["ParameterName"]: one["ParameterValue"] for one in found}


def _nodes(client: Any) -> list[Any]:
    return list(client.describe_cache_clusters()["CacheClusters"])


def test_parameters_are_set_changed_and_given_back(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    rig.calls()
    rig.up(tuned(ids, timeout="300", tcp_keepalive="60"))
    assert rig.calls() == ["CreateCacheParameterGroup", "ModifyCacheParameterGroup", "ModifyReplicationGroup"]
    assert parameters() == {"timeout": "300", "tcp-keepalive": "60"}
    rig.up(tuned(ids, timeout="600"))
    assert rig.calls() == ["ModifyCacheParameterGroup", "ResetCacheParameterGroup"]
    assert parameters() == {"timeout": "600"}
    rig.up(redis(ids))
    assert rig.calls() == ["ModifyReplicationGroup", "DeleteCacheParameterGroup"]
    assert parameters() == {}
    assert rig.plan(redis(ids)).changes == ()


def test_another_major_version_takes_its_parameters_along(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(tuned(ids, "valkey7", "7.2", timeout="300"))
    rig.calls()
    rig.up(tuned(ids, timeout="300"))
    assert rig.calls() == [
        *("CreateCacheParameterGroup", "ModifyCacheParameterGroup"),
        *("ModifyReplicationGroup", "DeleteCacheParameterGroup"),
    ]
    assert parameters() == {"timeout": "300"}


@pytest.mark.parametrize(
    ("values", "said", "remedy"),
    [
        ({"time_out": "300"}, "ElastiCache has no parameter time-out in valkey8", "did you mean 'timeout'?"),
        ({"xyz": "1"}, "ElastiCache has no parameter xyz in valkey8", "leave redis.parameters.xyz out"),
        ({"maxclients": "10"}, "ElastiCache lets nobody change maxclients", "leave redis.parameters.maxclients out"),
        ({"timeout": "10"}, "timeout cannot be 10", "set redis.parameters.timeout to one of 0, 20-"),
        ({"timeout": "soon"}, "timeout cannot be soon", "set redis.parameters.timeout to one of 0, 20-"),
        ({"timeout": "0"}, "timeout is 0 already", "leave redis.parameters.timeout out"),
    ],
)
def test_parameters_that_elasticache_would_refuse_block_the_plan(
    rig: AwsRig, ids: dict[str, Any], values: dict[str, str], said: str, remedy: str
) -> None:
    change = next(one for one in rig.plan(tuned(ids, **values)).changes if one.address.startswith(ParameterGroup.kind))
    assert change.action is Action.BLOCKED
    assert said in change.reason
    assert change.hint == remedy


def test_parameters_that_wait_for_a_reboot_say_so(rig: AwsRig, ids: dict[str, Any]) -> None:
    wanted = tuned(ids, databases="32", slowlog_log_slower_than="-1", maxmemory_policy="noeviction")
    change = next(one for one in rig.plan(wanted).changes if one.address.startswith(ParameterGroup.kind))
    assert change.action is Action.CREATE
    assert change.hint == "Reboot each node for databases to take effect, in the console."


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
