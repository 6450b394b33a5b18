"""What `prerequisites` reads before `up` begins, and the prices that a plan asks for."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.aws.access.partitions import PRICED
from livekit_deploy.config import S3State
from livekit_deploy.permissions.statement import Scope, Statement

#: its statement, without which a plan says that it has no price for what the price table lacks
LIST_PRICES = "ListPrices"
#: what is set for the whole account and decides over nodes
_ACCOUNT = (
    *("DescribeVpcBlockPublicAccessOptions", "DescribeVpcBlockPublicAccessExclusions", "GetAllowedImagesSettings"),
    *("GetEbsEncryptionByDefault", "GetEbsDefaultKmsKeyId"),
)
#: settings of the state bucket
_BUCKET = (
    *("GetEncryptionConfiguration", "GetBucketPublicAccessBlock", "GetBucketPolicy", "GetLifecycleConfiguration"),
)


def statements(scope: Scope) -> Iterator[Statement]:
    """Reads of what the account has left and is offered, and of what the state bucket is like."""
    principals = [f"arn:{scope.partition}:iam::{scope.account}:{kind}/*" for kind in ("role", "user")]
    yield Statement("CheckRights", "iam", ("SimulatePrincipalPolicy",), principals)
    quotas = f"arn:{scope.partition}:servicequotas:{scope.env.region}:{scope.account}:*/*"
    yield Statement("CheckQuotas", "servicequotas", ("GetServiceQuota",), [quotas])
    defaults = ("GetAWSDefaultServiceQuota",)
    yield Statement("CheckDefaultQuotas", "servicequotas", defaults, conditions=scope.in_region)
    looks = ("DescribeInstanceTypes", "DescribeInstanceTypeOfferings", "DescribeAddresses", "DescribeNatGateways")
    yield Statement("CheckInstances", "ec2", looks, conditions=scope.in_region)
    yield Statement("CheckAccount", "ec2", _ACCOUNT, conditions=scope.in_region)
    keys = [scope.arn("kms", "key/*")]
    yield Statement("CheckDiskKey", "kms", ("DescribeKey", "GetKeyPolicy", "ListGrants"), keys)
    yield Statement("CheckClusters", "eks", ("ListClusters", "DescribeClusterVersions"), conditions=scope.in_region)
    redis = ("DescribeCacheEngineVersions", "DescribeReservedCacheNodesOfferings")
    yield Statement("CheckRedis", "elasticache", redis, conditions=scope.in_region)
    if isinstance(scope.env.state, S3State):
        yield Statement("CheckBucket", "s3", _BUCKET, [scope.bucket], scope.of_account)
    if scope.partition == PRICED:
        yield Statement(LIST_PRICES, "pricing", ("GetProducts",))
