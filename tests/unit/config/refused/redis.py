"""What is refused of Redis."""

from __future__ import annotations

from tests.unit.config.refused.case import Case

CASES = [
    Case(
        "failover without a replica",
        "redis: {multi_az: true, replicas: 0}",
        "3:9",
        "redis.multi_az",
        "needs a replica",
        "redis.replicas to 1",
        "redis: {multi_az: true, replicas: 1}",
    ),
    Case(
        "a token without TLS",
        "redis: {tls: false}",
        "3:1",
        "redis.auth",
        "only with TLS",
        "redis.tls to true",
        "redis: {tls: false, auth: false}",
    ),
    Case(
        "a version that Redis has not",
        'redis: {engine: redis, version: "8.0"}',
        "3:24",
        "redis.version",
        "no redis 8.0",
        "one of 6.2, 7.0, 7.1",
        'redis: {engine: redis, version: "7.1"}',
    ),
    Case(
        "nodes with data tiering",
        "redis: {node_type: cache.r6gd.xlarge}",
        "3:9",
        "redis.node_type",
        "data tiering",
        "take cache.r6g.xlarge",
        "redis: {node_type: cache.r6g.xlarge}",
    ),
    Case(
        "a Valkey of no major version",
        'redis: {version: "10.0"}',
        "3:9",
        "redis.version",
        "no valkey 10.0",
        "9.1",
        'redis: {version: "9.1"}',
    ),
    Case(
        "a window for snapshots that is too short",
        "redis: {snapshot_window: '23:30-00:15'}",
        "3:9",
        "redis.snapshot_window",
        "23:30-00:15 lasts 45 minutes",
        "write 23:30-00:30",
        "redis: {snapshot_retention_days: 1, snapshot_window: '23:30-00:30'}",
    ),
    Case(
        "a window for snapshots with an hour that there is not",
        "redis: {snapshot_window: 5:00-24:00}",
        "3:9",
        "redis.snapshot_window",
        "two times of day in 24 hours with a hyphen between",
        "such as '05:00-06:00'",
        "redis: {snapshot_retention_days: 1, snapshot_window: 05:00-06:00}",
    ),
    Case(
        "cluster mode",
        'redis: {parameters: {cluster-enabled: "yes"}}',
        "3:22",
        "redis.parameters.cluster-enabled",
        "cluster mode splits the keys",
        "leave it out",
        'redis: {parameters: {timeout: "300"}}',
    ),
    Case(
        "a parameter whose value is a number",
        "redis: {parameters: {timeout: 300}}",
        "3:22",
        "redis.parameters.timeout",
        "it must be text, the value of a parameter, up to 255 characters, not 300",
        'quote it, as in "300"',
        'redis: {parameters: {timeout: "300"}}',
    ),
]
