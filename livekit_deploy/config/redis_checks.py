"""Checks the section ``redis``: versions and their support, node types, failover, the token, snapshots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from livekit_deploy.base.time_windows import minutes
from livekit_deploy.config.models import Environment, Redis

Problem = tuple[str, str, str]  # field, what is wrong, what to do

#: engine versions that can still be made (ElastiCache user guide, Engine versions and upgrading; read 2026-11)
ENGINES = {"valkey": ("7.2", "8.0", "8.1", "8.2", "9.0", "9.1"), "redis": ("6.2", "7.0", "7.1")}
#: engine and major version → the last day of standard support, after which every node costs 80 % more, and 160 % in the
#: third year (ElastiCache user guide, "Extended Support charges"; ElastiCache pricing; read 2026-11)
ENGINE_SUPPORT = {("redis", "6"): date(2027, 1, 31)}
#: minutes of a window (ElastiCache answers "Snapshot window must be at least 60 minutes")
_SHORTEST_WINDOW = 60
_SOON = timedelta(days=180)
#: node types with data tiering (ElastiCache user guide, "Data tiering in ElastiCache")
_TIERED = re.compile(r"cache\.(r\d+g)d\.(\w+)")


def in_engine_extension(engine: str, version: str, today: date) -> bool:
    """Whether ElastiCache charges extra for an old engine."""
    end = ENGINE_SUPPORT.get((engine, version.partition(".")[0]))
    return end is not None and today > end


def engine_support(redis: Redis, today: date) -> str:
    """When standard support for the engine's version ends or ended, and what follows; "" while that is far away."""
    end = ENGINE_SUPPORT.get((redis.engine, redis.version.partition(".")[0]))
    if end is None or today + _SOON < end:
        return ""
    verb = "ended" if today > end else "ends"
    return f"AWS's standard support {verb} on {end}; after that each node costs 80 % more, and 160 % in the third year"


def warnings(redis: Redis, today: date) -> Iterator[str]:
    """What works but should be known."""
    known = ENGINES[redis.engine]
    if told := engine_support(redis, today):
        yield f'redis.version {redis.version}: {told}; set redis.version to "{known[-1]}", in place'
    if redis.version not in known:
        yield f"redis.version {redis.version} of {redis.engine} was not known when this program was released"
    if redis.snapshot_window and not redis.snapshot_retention_days:
        yield "redis.snapshot_window has no effect: there are no snapshots while redis.snapshot_retention_days is 0"


def _newer(version: str, known: Iterable[str]) -> bool:
    """Whether it is a later minor version of a known major one: AWS raises those, and the file has to follow."""
    major, minor = map(int, version.split("."))
    minors = [int(one.split(".")[1]) for one in known if int(one.split(".")[0]) == major]
    return bool(minors) and minor > max(minors)


def _redis_version(env: Environment) -> Iterator[Problem]:
    redis = env.redis
    known = ENGINES[redis.engine]
    if redis.version not in known and not (redis.engine == "valkey" and _newer(redis.version, known)):
        yield "redis.version", f"ElastiCache has no {redis.engine} {redis.version}", f"one of {', '.join(known)}"


def _redis_nodes(env: Environment) -> Iterator[Problem]:
    redis = env.redis
    if found := _TIERED.match(redis.node_type):
        yield (
            "redis.node_type",
            f"{redis.node_type} keeps part of its data on disk (data tiering), and LiveKit's few megabytes need none",
            f"take cache.{found[1]}.{found[2]}, or a smaller one",
        )


def _failover(env: Environment) -> Iterator[Problem]:
    if env.redis.multi_az and not env.redis.replicas:
        yield "redis.multi_az", "multi_az needs a replica", "set redis.replicas to 1 or more"


def _token(env: Environment) -> Iterator[Problem]:
    if env.redis.auth and not env.redis.tls:
        yield "redis.auth", "ElastiCache takes an AUTH token only with TLS", "set redis.tls to true"


def _snapshot_window(env: Environment) -> Iterator[Problem]:
    window = env.redis.snapshot_window
    if window and (lasts := minutes(window)) < _SHORTEST_WINDOW:
        begin = window.split("-")[0]
        later = f"{(int(begin[:2]) + 1) % 24:02}{begin[2:]}"
        wrong = f"{window} lasts {lasts} minutes, and ElastiCache takes windows of {_SHORTEST_WINDOW} or more"
        yield "redis.snapshot_window", wrong, f"write {begin}-{later}, or a longer one"


def _parameters(env: Environment) -> Iterator[Problem]:
    if "cluster-enabled" in env.redis.parameters:
        at, wrong = "redis.parameters.cluster-enabled", "cluster mode splits the keys of LiveKit over several Redis"
        yield at, wrong, "leave it out"


CHECKS: tuple[Callable[[Environment], Iterator[Problem]], ...] = (
    _redis_version,
    _redis_nodes,
    _failover,
    _token,
    _snapshot_window,
    _parameters,
)
