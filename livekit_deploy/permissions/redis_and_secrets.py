"""ElastiCache and Secrets Manager."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.permissions.statement import Scope, Statement

_CACHE_READS = (
    *("DescribeReplicationGroups", "DescribeCacheClusters", "DescribeCacheSubnetGroups"),
    *("DescribeCacheParameterGroups", "DescribeCacheParameters"),
)
_GROUP_CHANGES = (
    *("ModifyReplicationGroup", "IncreaseReplicaCount", "DecreaseReplicaCount", "DeleteReplicationGroup"),
)
_PARAMETER_CHANGES = ("ModifyCacheParameterGroup", "ResetCacheParameterGroup", "DeleteCacheParameterGroup")
_SUBNET_CHANGES = ("ModifyCacheSubnetGroup", "DeleteCacheSubnetGroup")
_SECRET_CHANGES = (
    *("GetSecretValue", "PutSecretValue", "DeleteSecret", "RestoreSecret", "TagResource"),
    "DeleteResourcePolicy",
)


def statements(scope: Scope) -> Iterator[Statement]:
    """Groups and secrets of the environment, by their names and tags."""
    prefix = scope.prefix.lower()
    groups = [scope.arn("elasticache", f"replicationgroup:{prefix}-*")]
    subnets = [scope.arn("elasticache", f"subnetgroup:{prefix}-*")]
    members = [scope.arn("elasticache", f"cluster:{prefix}-*")]
    defaults = [scope.arn("elasticache", "parametergroup:default.*")]
    parameters = [scope.arn("elasticache", f"parametergroup:{prefix}-*")]
    kinds = ("replicationgroup", "cluster", "subnetgroup", "parametergroup")
    every = [scope.arn("elasticache", f"{kind}:*") for kind in kinds]
    own = [*groups, *subnets, *parameters]
    yield Statement("CacheLook", "elasticache", _CACHE_READS, every)
    yield Statement("CacheTags", "elasticache", ("ListTagsForResource",), own)
    making = (
        *("CreateReplicationGroup", "CreateCacheSubnetGroup", "CreateCacheParameterGroup"),
        "AddTagsToResource",
    )
    yield Statement("CacheMake", "elasticache", making, own, scope.marking)
    # tags are given to the group only, and the others have no such condition key
    using = ("CreateReplicationGroup", "ModifyReplicationGroup")
    yield Statement("CacheUse", "elasticache", using, [*subnets, *members, *defaults, *parameters])
    yield Statement("CacheEvents", "elasticache", ("DescribeEvents",), conditions=scope.in_region)
    yield Statement("CacheChange", "elasticache", _GROUP_CHANGES, groups, scope.tagged)
    yield Statement("CacheSubnets", "elasticache", _SUBNET_CHANGES, subnets, scope.tagged)
    yield Statement("CacheParameters", "elasticache", _PARAMETER_CHANGES, parameters, scope.tagged)
    secrets = [scope.arn("secretsmanager", f"secret:{scope.env.project}/{scope.env.name}/*")]
    yield Statement("SecretsList", "secretsmanager", ("ListSecrets",), conditions=scope.in_region)
    # whether there is one is asked before it has tags
    yield Statement("SecretsLook", "secretsmanager", ("DescribeSecret", "GetResourcePolicy"), secrets)
    yield Statement("SecretsMake", "secretsmanager", ("CreateSecret", "TagResource"), secrets, scope.marking)
    yield Statement("SecretsChange", "secretsmanager", _SECRET_CHANGES, secrets, scope.tagged)
