"""ElastiCache and Secrets Manager."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.permissions.statement import Scope, Statement

_CACHE_READS = ("DescribeReplicationGroups", "DescribeCacheClusters", "DescribeCacheSubnetGroups")
_GROUP_CHANGES = ("ModifyReplicationGroup", "DeleteReplicationGroup")
_SUBNET_CHANGES = ("ModifyCacheSubnetGroup", "DeleteCacheSubnetGroup")
_SECRET_CHANGES = ("DescribeSecret", "GetSecretValue", "PutSecretValue", "DeleteSecret", "RestoreSecret")


def statements(scope: Scope) -> Iterator[Statement]:
    """Groups and secrets of the environment, by their names; they carry its tags as well."""
    prefix = scope.prefix.lower()
    groups = [scope.arn("elasticache", f"replicationgroup:{prefix}-*")]
    subnets = [scope.arn("elasticache", f"subnetgroup:{prefix}-*")]
    members = [scope.arn("elasticache", f"cluster:{prefix}-*")]
    defaults = [scope.arn("elasticache", "parametergroup:default.*")]
    every = [scope.arn("elasticache", f"{kind}:*") for kind in ("replicationgroup", "cluster", "subnetgroup")]
    yield Statement("CacheLook", "elasticache", _CACHE_READS, every)
    yield Statement("CacheTags", "elasticache", ("ListTagsForResource",), [*groups, *subnets])
    making = ("CreateReplicationGroup", "CreateCacheSubnetGroup", "AddTagsToResource")
    yield Statement("CacheMake", "elasticache", making, [*groups, *subnets, *members, *defaults], scope.tagging)
    yield Statement("CacheChange", "elasticache", _GROUP_CHANGES, [*groups, *defaults])
    yield Statement("CacheSubnets", "elasticache", _SUBNET_CHANGES, subnets)
    secrets = [scope.arn("secretsmanager", f"secret:{scope.env.project}/{scope.env.name}/*")]
    yield Statement("SecretsList", "secretsmanager", ("ListSecrets",), conditions=scope.in_region)
    yield Statement("SecretsMake", "secretsmanager", ("CreateSecret", "TagResource"), secrets, scope.tagging)
    yield Statement("SecretsChange", "secretsmanager", _SECRET_CHANGES, secrets, scope.tagged)
