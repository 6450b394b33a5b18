"""Finds the load balancers that the load balancer controller made, by the tags that it gives them.

Source: AWS Load Balancer Controller, "Ingress specification", resource tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from livekit_deploy.aws.access.answers import odd
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import mapping
from livekit_deploy.aws.kinds.ec2.resource import networks
from livekit_deploy.aws.kinds.named import there
from livekit_deploy.errors import Absent

CLUSTER_TAG = "elbv2.k8s.aws/cluster"
INGRESS_TAG = "ingress.k8s.aws/stack"
SERVICE_TAG = "service.k8s.aws/stack"
_TAGS_AT_ONCE = 20  # ELB's limit for DescribeTags


def controlled(cloud: Cloud, cluster: str) -> list[tuple[Mapping[str, Any], dict[str, str]]]:
    """Every load balancer that the controller of ``cluster`` made in our network, with its tags.

    The tag names a cluster, and another account's tool, or an earlier cluster, may have had that name.
    """
    every, ours = cloud.elbv2.pages("describe_load_balancers", "LoadBalancers"), networks(cloud)
    found = {item["LoadBalancerArn"]: item for item in every if item.get("VpcId") in ours}
    tagged = tags_of(cloud, sorted(found))
    return [(found[arn], tags) for arn, tags in tagged.items() if tags.get(CLUSTER_TAG) == cluster]


def described(cloud: Cloud, arn: str) -> Mapping[str, Any] | None:
    """The load balancer with this ARN, None when there is none."""
    return there(lambda: dict(cloud.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]))


def tags_of(cloud: Cloud, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of load balancers or target groups; what somebody has deleted meanwhile is not among them."""
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(arns), _TAGS_AT_ONCE):
        found |= _tags_at_once(cloud, arns[start : start + _TAGS_AT_ONCE])
    return found


def _tags_at_once(cloud: Cloud, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    try:
        said = cloud.elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"]
    except Absent:  # of one: ELB then tells of none
        each = [_tags_at_once(cloud, [arn]) for arn in arns] if len(arns) > 1 else []
        return {arn: tags for one in each for arn, tags in one.items()}
    tags = {item["ResourceArn"]: mapping(item["Tags"]) for item in said}
    if tags.keys() != set(arns):
        raise odd(said.call, said.path, "does not name what was asked for")
    return tags
