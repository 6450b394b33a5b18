"""Counts which state documents an environment's objects belong to, for when a document is lost."""

from __future__ import annotations

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ENV, LINEAGE, PROJECT, mapping
from livekit_deploy.errors import Absent


def lineages(cloud: Cloud) -> dict[str, int]:
    """How many objects carry each lineage, of those with the tags of this project and environment.

    Source: Resource Groups Tagging API, GetResources; it tells of no role, so these are asked one by one.
    """
    ownership, found = cloud.ownership, dict[str, int]()
    wanted = [{"Key": PROJECT, "Values": [ownership.project]}, {"Key": ENV, "Values": [ownership.env]}]
    tagged = [
        mapping(item["Tags"])
        for item in cloud.resourcegroupstaggingapi.pages("get_resources", "ResourceTagMappingList", TagFilters=wanted)
    ]
    for tags in [*tagged, *_roles(cloud)]:
        if (lineage := tags.get(LINEAGE)) is not None:
            found[lineage] = found.get(lineage, 0) + 1
    return found


def _roles(cloud: Cloud) -> list[dict[str, str]]:
    names = [item["RoleName"] for item in cloud.iam.pages("list_roles", "Roles")]
    found = []
    for name in names:
        if not name.startswith(f"{cloud.ownership.prefix}-"):
            continue
        try:
            tags = mapping(cloud.iam.get_role(RoleName=name)["Role"].get("Tags", []))
        except Absent:
            continue
        if (tags.get(PROJECT), tags.get(ENV)) == (cloud.ownership.project, cloud.ownership.env):
            found.append(tags)
    return found
