"""What the ElastiCache modules share: errors, ARNs, engine versions and their parameter groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.elasticache.exceptions import ElastiCacheException
from moto.elasticache.models import ElastiCacheBackend

Item = dict[str, Any]
Asked = Mapping[str, Any]

#: engine → the versions on offer, oldest first
VERSIONS = {"redis": ("6.2", "7.0", "7.1"), "valkey": ("7.2", "8.0", "8.1", "8.2", "9.0", "9.1")}


def refused(code: str, message: str) -> ElastiCacheException:
    """An error of ElastiCache's by its code."""
    error = ElastiCacheException(message)
    error.code = code
    return error


def arn(backend: ElastiCacheBackend, kind: str, name: str) -> str:
    """The ARN of something in the account and region of ``backend``."""
    return f"arn:{backend.partition}:elasticache:{backend.region_name}:{backend.account_id}:{kind}:{name}"


def full_version(engine: str, asked: str | None) -> str:
    """The full version that a version in part stands for."""
    offered = VERSIONS.get(engine)
    if offered is None:
        raise refused("InvalidParameterValue", f"Unknown engine {engine}")
    given = asked or offered[-1]
    fitting = [one for one in offered if given == one or given.startswith(f"{one}.")]
    if not fitting:
        raise refused("InvalidParameterValue", f"Cannot find version {given} for {engine}")
    return given if given.count(".") == 2 else f"{given}.1"


def is_tiered(node_type: str) -> bool:
    """Whether a node keeps what is seldom asked for on its disk (ElastiCache user guide, "Data tiering")."""
    return node_type.startswith("cache.r6gd.")


def family(engine: str, version: str) -> str:
    """The parameter group family of an engine's version: ``redis7``, and ``redis6.x`` for the old one."""
    major = version.split(".")[0]
    return f"{engine}{major}.x" if (engine, major) == ("redis", "6") else f"{engine}{major}"


def parameter_group_of(engine: str, version: str) -> str:
    """The default parameter group of an engine's version."""
    return f"default.{family(engine, version)}"
