"""Redis, and what it needs."""

from __future__ import annotations

from typing import Any

from livekit_deploy.aws.kinds.elasticache.parameter_groups import ParameterGroup
from livekit_deploy.aws.kinds.elasticache.replication_groups import ReplicationGroup
from livekit_deploy.aws.kinds.elasticache.subnet_groups import SubnetGroup
from livekit_deploy.engine.resource import Resource
from tests.contract import out_of_band
from tests.contract.kinds.case import Base, Case, literal, made
from tests.contract.out_of_band import Drift


def _replication_group(base: Base, **changed: Any) -> Resource:
    values: dict[str, Any] = {
        "version": "8.0",
        "node_type": "cache.t4g.small",
        "replicas": 1,
        "failover": True,
        "multi_az": True,
        "security_group_ids": [base.group().id],
        "subnet_group": base.cache_subnets().group_name,
        "auth_token": base.token().value,
        **changed,
    }
    return ReplicationGroup("redis", **values)


CASES = [
    Case(
        SubnetGroup,
        made(SubnetGroup, "x", subnet_ids=lambda b: [b.subnet("a").id, b.subnet("b").id]),
        {"subnet_ids": lambda b: [b.subnet("a").id, b.subnet("b").id, b.subnet("c").id]},
        drifts={"subnet_ids": Drift(out_of_band.fewer_cache_subnets)},
    ),
    Case(
        ParameterGroup,
        made(ParameterGroup, "x", family=literal("valkey8"), parameters=literal({"timeout": "300"})),
        {"family": literal("valkey7"), "parameters": literal({"timeout": "600", "tcp-keepalive": "60"})},
        drifts={"parameters": Drift(out_of_band.cache_parameter("timeout", "900"))},
        owned={"family": "AWS: a parameter group keeps it"},
    ),
    Case(
        ReplicationGroup,
        _replication_group,
        {
            "engine": literal("redis"),
            "version": literal("8.1"),
            "node_type": literal("cache.m7g.large"),
            "replicas": literal(2),
            "failover": literal(False),
            "multi_az": literal(False),
            "snapshot_retention": literal(3),
            "snapshot_window": literal("03:00-04:00"),
            "parameter_group": lambda b: b.cache_parameters().group_name,
            "security_group_ids": lambda b: [b.group("other").id],
            "subnet_group": lambda b: b.cache_subnets("other").group_name,
            "minor_upgrades": literal(True),
            "tls": literal(False),
            "auth": literal(False),
            "auth_token": lambda b: b.token("another").value,
        },
        exempt={"old_token": "says whether a token is to be ended: tests/aws/elasticache/test_tokens.py"},
        together={
            "engine": {"version": "7.1"},
            "tls": {"auth": False, "auth_token": None},
            "failover": {"multi_az": False},
        },
        drifts={
            "engine": Drift(
                out_of_band.redis(Engine="valkey", EngineVersion="8.0"),
                {"engine": literal("redis"), "version": literal("7.1")},
                blocked=True,
            ),
            "version": Drift(out_of_band.redis(EngineVersion="9.0"), blocked=True),
            "minor_upgrades": Drift(out_of_band.redis(AutoMinorVersionUpgrade=True)),
            "node_type": Drift(out_of_band.redis(CacheNodeType="cache.m7g.large")),
            "replicas": Drift(out_of_band.replicas("increase_replica_count", 2)),
            "failover": Drift(out_of_band.redis(AutomaticFailoverEnabled=False, MultiAZEnabled=False)),
            "multi_az": Drift(out_of_band.redis(MultiAZEnabled=False)),
            "snapshot_retention": Drift(out_of_band.redis_with_snapshots),
            "snapshot_window": Drift(
                out_of_band.redis(SnapshotWindow="10:00-11:00"), {"snapshot_window": literal("03:00-04:00")}
            ),
            "parameter_group": Drift(out_of_band.redis_with_other_parameters),
            "security_group_ids": Drift(out_of_band.redis_in_another_group),
            "tls": Drift(
                out_of_band.redis(TransitEncryptionMode="preferred"),
                {"auth": literal(False), "auth_token": literal(None)},
            ),
            "auth": Drift(out_of_band.redis(AuthTokenUpdateStrategy="DELETE", UserGroupIdsToAdd=["x"]), blocked=True),
            "old_token": Drift(out_of_band.another_token),
        },
        owned={
            "subnet_group": "AWS: a replication group keeps it",
            "auth_token": "write-only: ElastiCache does not tell the token",
        },
        silent={
            "a patch of the engine by AWS": out_of_band.redis(EngineVersion="8.0.2"),
            "a minor version that AWS raised": out_of_band.redis(EngineVersion="8.1"),
            "another description": out_of_band.redis(ReplicationGroupDescription="theirs"),
            "another hour for its snapshots, where none is declared": out_of_band.redis(SnapshotWindow="10:00-11:00"),
            "another hour for its maintenance": out_of_band.redis(PreferredMaintenanceWindow="sun:05:00-sun:06:00"),
        },
    ),
]
