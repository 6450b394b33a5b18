"""Finds ours by the index of tags that AWS keeps for every service: one question where a list tells no tags."""

from __future__ import annotations

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import LINEAGE, mapping


def tagged(cloud: Cloud, resource_type: str) -> list[tuple[str, dict[str, str]]]:
    """(ARN, tags) of what the index shows with our tags, which may be late."""
    if cloud.ownership.lineage is None:
        return []
    found = cloud.resourcegroupstaggingapi.pages(
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=[{"Key": LINEAGE, "Values": [cloud.ownership.lineage]}],
        ResourceTypeFilters=[resource_type],
    )
    every = ((str(item["ResourceARN"]), mapping(item["Tags"])) for item in found)
    return sorted((one for one in every if cloud.ownership.ours(one[1])), key=lambda one: one[0])
