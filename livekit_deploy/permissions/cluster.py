"""EKS: the cluster and what belongs to it; its key and its log group."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.aws.kinds.keys import ON_ALIAS, ON_KEY
from livekit_deploy.permissions.statement import Conditions, Scope, Statement

_LOOKS = (
    *("DescribeCluster", "ListNodegroups", "ListAddons", "ListAccessEntries"),
    *("DescribeNodegroup", "DescribeAddon", "DescribeAccessEntry", "ListAssociatedAccessPolicies"),
)
_CHANGES = (
    *("UpdateClusterConfig", "UpdateClusterVersion", "DeleteCluster"),
    *("UpdateNodegroupConfig", "UpdateNodegroupVersion", "DeleteNodegroup"),
    *("UpdateAddon", "DeleteAddon"),
    *("UpdateAccessEntry", "DeleteAccessEntry", "AssociateAccessPolicy", "DisassociateAccessPolicy"),
)


def statements(scope: Scope) -> Iterator[Statement]:
    """One cluster, by its name; it and what belongs to it is changed only where it carries the environment's tags."""
    name = scope.cluster
    cluster = [scope.arn("eks", f"cluster/{name}")]
    nodegroups, addons = ([scope.arn("eks", f"{kind}/{name}/*/*")] for kind in ("nodegroup", "addon"))
    entries = [scope.arn("eks", f"access-entry/{name}/*/*/*/*")]
    every = [*cluster, *nodegroups, *addons, *entries]
    yield Statement("EksList", "eks", ("ListClusters", "DescribeAddonVersions"), conditions=scope.in_region)
    yield Statement("EksMakeCluster", "eks", ("CreateCluster",), conditions=scope.tagging)
    made = ("CreateNodegroup", "CreateAddon", "CreateAccessEntry")
    yield Statement("EksMakeChildren", "eks", made, cluster, scope.tagging)
    yield Statement("EksTag", "eks", ("TagResource",), every, scope.marking)
    yield Statement("EksLook", "eks", _LOOKS, every)
    yield Statement("EksChange", "eks", _CHANGES, every, scope.tagged)
    # an entry that two resources stand for gets the other's address
    yield Statement("EksHandOver", "eks", ("TagResource",), entries, scope.tagged)
    yield from _logs(scope)
    if scope.env.cluster.secrets_key:
        # a cluster that was made without a key gets it while it runs
        yield Statement("EksEncrypt", "eks", ("AssociateEncryptionConfig",), cluster, scope.tagged)
        yield from _key(scope)


def _logs(scope: Scope) -> Iterator[Statement]:
    names = [f"/aws/eks/{scope.cluster}/cluster"]
    if scope.env.network.flow_logs:
        names.append(f"/{scope.prefix}/flow-logs")
    groups = [scope.arn("logs", f"log-group:{name}{end}") for name in names for end in ("", ":*")]
    yield Statement("LogsLook", "logs", ("DescribeLogGroups",), conditions=scope.in_region)
    yield Statement("LogsMake", "logs", ("CreateLogGroup", "TagResource"), groups, scope.marking)
    yield Statement("LogsChange", "logs", ("ListTagsForResource", "PutRetentionPolicy", "DeleteLogGroup"), groups)


def _key(scope: Scope) -> Iterator[Statement]:
    """EKS makes a grant on the key in the caller's name (EKS user guide, "Encrypt Kubernetes secrets with KMS").

    The tags of a new key may take five minutes to count for rights (KMS developer guide, "ABAC for AWS KMS"): until
    then it is the key's own policy that lets in whoever made it.
    """
    keys, alias = [scope.arn("kms", "key/*")], scope.arn("kms", f"alias/{scope.prefix}-cluster")
    yield Statement("KmsList", "kms", ("ListAliases",), conditions=scope.in_region)
    yield Statement("KmsMake", "kms", ("CreateKey",), conditions=_both(scope.tagging, scope.in_region))
    yield Statement("KmsTag", "kms", ("TagResource",), keys, scope.marking)
    yield Statement("KmsLook", "kms", ("DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags"), keys)
    yield Statement("KmsChange", "kms", (*ON_KEY, *ON_ALIAS), keys, scope.tagged)
    yield Statement("KmsAlias", "kms", ON_ALIAS, [alias])


def _both(one: Conditions, other: Conditions) -> Conditions:
    return {"StringEquals": {**one["StringEquals"], **other["StringEquals"]}}
