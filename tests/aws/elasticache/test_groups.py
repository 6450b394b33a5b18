"""Redis through the real engine: made with TLS, changed step by step, and gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.engine.plan import Action
from livekit_deploy.errors import NotOurs
from tests.aws.elasticache.groups import described, redis
from tests.aws.rig import AwsRig


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
