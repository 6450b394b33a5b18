"""Parameters of Redis's engine: set, changed and given back."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from livekit_deploy.aws.kinds.elasticache.parameter_groups import ParameterGroup
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from tests.aws.elasticache.groups import redis
from tests.aws.rig import AwsRig


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
