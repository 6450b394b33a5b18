"""Who else may use the cluster's API: access entries that somebody else made.

Not foreign are those that carry our marks or are on record, those of services' own roles, and those that EKS makes for
the roles of our nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.errors import Absent

_PEOPLE = "STANDARD"
_OF_SERVICES = ":role/aws-service-role/"


def others(cloud: Cloud, cluster: str) -> Iterator[str]:
    """The principals of the foreign entries. While an entry is taken over, none is told: it still looks like one."""
    if any(address.startswith("eks.access_entry/") for address in cloud.marks.adopt):
        return
    for principal in sorted(cloud.eks.pages("list_access_entries", "accessEntries", clusterName=cluster)):
        if _OF_SERVICES not in principal and (entry := described(cloud, cluster, principal)) is not None:
            nodes = entry.get("type", _PEOPLE) != _PEOPLE and f"/{cloud.marks.prefix}-" in principal
            ours = cloud.marks.ours(entry.get("tags", {})) or entry["accessEntryArn"] in cloud.recorded
            if not (nodes or ours):
                yield principal


def described(cloud: Cloud, cluster: str, principal: str) -> Mapping[str, Any] | None:
    """The entry of a principal, None where there is none."""
    try:
        said = cloud.eks.describe_access_entry(clusterName=cluster, principalArn=principal)
    except Absent:
        return None
    entry: Mapping[str, Any] = said["accessEntry"]
    return entry
