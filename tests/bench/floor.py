"""Every call of a plan of uat in which nothing has changed, how often it is made, and why it cannot be left out.

`docs/performance.md` shows this table (`make schema`), and `test_floor.py` holds it to the calls that are really made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

#: a plan of uat makes fewer calls to AWS than this
BUDGET = 75


class Why(NamedTuple):
    """How often the plan makes a call, and what would not be known without it."""

    calls: int
    reason: str


_ALL_AT_ONCE = "all of ours in one answer, by their tag"
_NAMES = "names of what there is; EKS tells no more in a list"
_ONE_BY_ONE = "each one's inputs, state and tags, which no list tells"

_MARKS = "whether it still has our tags, which nothing else tells"

#: (service as boto3 calls it, operation) → why
FLOOR: Mapping[tuple[str, str], Why] = {
    ("acm", "DescribeCertificate"): Why(1, "its names, state and validation records, which no list tells"),
    ("acm", "ListTagsForCertificate"): Why(1, _MARKS),
    ("ec2", "DescribeInstances"): Why(1, "the groups that the nodes carry, which no template and no group tells"),
    ("ec2", "DescribeInternetGateways"): Why(1, _ALL_AT_ONCE),
    ("ec2", "DescribeLaunchTemplateVersions"): Why(2, "what a template holds: the list tells names only"),
    ("ec2", "DescribeLaunchTemplates"): Why(1, _ALL_AT_ONCE),
    ("ec2", "DescribeRouteTables"): Why(1, _ALL_AT_ONCE),
    ("ec2", "DescribeSecurityGroupRules"): Why(2, "our own rules by their tag, and others' in our groups"),
    ("ec2", "DescribeSecurityGroups"): Why(2, "our own by their tag, and who made those of the load balancer"),
    ("ec2", "DescribeSubnets"): Why(1, _ALL_AT_ONCE),
    ("ec2", "DescribeVpcAttribute"): Why(2, "DNS support and DNS names of the VPC: each is a question of its own"),
    ("ec2", "DescribeVpcEndpoints"): Why(1, _ALL_AT_ONCE),
    ("ec2", "DescribeVpcs"): Why(1, _ALL_AT_ONCE),
    ("eks", "DescribeAccessEntry"): Why(1, _ONE_BY_ONE),
    ("eks", "DescribeAddon"): Why(5, _ONE_BY_ONE),
    ("eks", "DescribeCluster"): Why(1, "its inputs, state and tags, and where its API is, which no list tells"),
    ("eks", "DescribeNodegroup"): Why(2, _ONE_BY_ONE),
    ("eks", "ListAccessEntries"): Why(1, _NAMES),
    ("eks", "ListAddons"): Why(1, _NAMES),
    ("eks", "ListAssociatedAccessPolicies"): Why(1, "what an access entry may do is no part of it"),
    ("eks", "ListClusters"): Why(1, _NAMES),
    ("eks", "ListNodegroups"): Why(1, _NAMES),
    ("elasticache", "DescribeCacheClusters"): Why(1, "engine version and security groups, which a group hides"),
    ("elasticache", "DescribeCacheSubnetGroups"): Why(1, "all of the region at once"),
    ("elasticache", "DescribeReplicationGroups"): Why(1, "all of the region at once"),
    ("elasticache", "ListTagsForResource"): Why(2, _MARKS),
    ("elbv2", "DescribeLoadBalancers"): Why(1, "all of the region at once: they are made by the controller"),
    ("elbv2", "DescribeTags"): Why(1, "whose a load balancer is: the list tells no tags; twenty at a time"),
    ("iam", "GetOpenIDConnectProvider"): Why(1, "its audiences and thumbprints: the list tells ARNs only"),
    ("iam", "GetPolicy"): Why(1, "its tags, which the list leaves out"),
    ("iam", "GetPolicyVersion"): Why(1, "the document itself"),
    ("iam", "GetRole"): Why(3, "its tags and boundary, which the list leaves out"),
    ("iam", "ListAttachedRolePolicies"): Why(3, "what is attached is no part of a role"),
    ("iam", "ListOpenIDConnectProviders"): Why(1, "ARNs of what there is; IAM has no filter by tag"),
    ("iam", "ListPolicies"): Why(1, "names of what there is; IAM has no filter by tag"),
    ("iam", "ListRolePolicies"): Why(3, "what somebody wrote into a role is no part of it"),
    ("iam", "ListRoles"): Why(1, "names of what there is; IAM has no filter by tag"),
    ("kms", "DescribeKey"): Why(1, "its state, which no list tells"),
    ("kms", "GetKeyPolicy"): Why(1, "whom it lets in is no part of a key"),
    ("kms", "GetKeyRotationStatus"): Why(1, "whether it rotates is no part of a key"),
    ("kms", "ListResourceTags"): Why(1, _MARKS),
    ("kms", "ListAliases"): Why(1, "an alias has no tags: it is found by its name"),
    ("kubernetes", "GET a group of the API"): Why(7, "path and scope of each kind in the releases' manifests"),
    ("kubernetes", "GET an object"): Why(21, "the manifests' objects, the namespace and the Secrets, as they are"),
    ("kubernetes", "GET endpointslices"): Why(1, "whether something answers for the controller's webhook"),
    ("kubernetes", "GET nodes"): Why(1, "whether a drain that was given up has left nodes closed"),
    ("kubernetes", "GET pods"): Why(2, "whether what a release has made is ready"),
    ("kubernetes", "GET replicasets"): Why(2, "which pods are those of the newest version"),
    ("kubernetes", "GET secrets"): Why(2, "Helm's record of each release"),
    ("logs", "DescribeLogGroups"): Why(2, "two names without a common beginning; the list has no filter by tag"),
    ("logs", "ListTagsForResource"): Why(1, _MARKS),
    ("resourcegroupstaggingapi", "GetResources"): Why(2, "keys and certificates by tag: their lists have no filter"),
    ("route53", "ListResourceRecordSets"): Why(1, "a record has no tags: the zone's records are read at once"),
    ("s3", "GetObject"): Why(1, "the state document"),
    ("secretsmanager", "DescribeSecret"): Why(2, "the version of each, of which the list may be five minutes late"),
    ("secretsmanager", "GetResourcePolicy"): Why(2, "whom it lets in is no part of a secret"),
    ("secretsmanager", "ListSecrets"): Why(1, "names of ours, by their tag"),
    ("sts", "GetCallerIdentity"): Why(1, "the account: no plan is made for another one"),
}  # fmt: skip


def named(service: str, operation: str) -> tuple[str, str]:
    """The row that a call belongs to; requests to a cluster's API are told apart by what they ask for."""
    if service != "kubernetes":
        return service, operation
    method, path = operation.split()
    parts = path.strip("/").split("/")
    inner = parts[2:] if parts[0] == "api" else parts[3:]
    if inner[:1] == ["namespaces"] and len(inner) > 2:
        inner = inner[2:]
    what = ("a group of the API", inner[0] if inner else "", "an object")[len(inner)]
    return service, f"{method} {what}"


def to_aws(counts: Mapping[tuple[str, str], int]) -> int:
    """How many of these calls AWS answers."""
    return sum(count for (service, _), count in counts.items() if service != "kubernetes")


def wrong(asked: Counter[tuple[str, str]]) -> Iterator[str]:
    """Each difference between the table and the calls that a plan made, as the line that would mend it."""
    for call in sorted({*asked, *FLOOR}):
        known, made = FLOOR.get(call), asked[call]
        if known is None:
            yield f'    {call!r}: Why({made}, "…"),  # new: say why a plan cannot be made without it'
        elif not made:
            yield f"    {call!r}: ...  # is not made: take the line out"
        elif known.calls != made:
            yield f'    {call!r}: Why({made}, "{known.reason}"),  # was {known.calls}: does the reason still hold?'


def table() -> Iterator[str]:
    """The lines of the page."""
    counts = {call: why.calls for call, why in FLOOR.items()}
    yield "| Service | Operation | Calls | Why |"
    yield "|---|---|---|---|"
    for (service, operation), why in sorted(FLOOR.items()):
        yield f"| {service} | {operation} | {why.calls} | {why.reason} |"
    yield f"| | to AWS | {to_aws(counts)} | fewer than {BUDGET} |"
