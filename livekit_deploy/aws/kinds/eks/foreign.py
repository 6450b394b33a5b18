"""Finds what others added to the cluster that gives access: access entries, security groups, other nodes.

Not foreign are those that carry our tags or are on record, those of services' own roles, and those that EKS makes for
the roles of our nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.foreign_groups import Told, on_control_plane
from livekit_deploy.aws.kinds.named import there
from livekit_deploy.engine.live import joined

_PEOPLE = "STANDARD"
_OF_SERVICES = ":role/aws-service-role/"
#: an entry is of whoever made it: it is named, and left
_THEIRS = "delete their access entries in EKS; or add them to cluster.admins and run up, which says what to adopt"


def others(cloud: Cloud, cluster: str) -> Iterator[str]:
    """The principals of the foreign entries. While an entry is taken over, none is told: it still looks like one."""
    if any(address.startswith("eks.access_entry/") for address in cloud.ownership.adopt):
        return
    for principal in sorted(cloud.eks.pages("list_access_entries", "accessEntries", clusterName=cluster)):
        if _OF_SERVICES not in principal and (entry := described(cloud, cluster, principal)) is not None:
            nodes = entry.get("type", _PEOPLE) != _PEOPLE and f"/{cloud.ownership.prefix}-" in principal
            ours = cloud.ownership.ours(entry.get("tags", {})) or entry["accessEntryArn"] in cloud.recorded
            if not (nodes or ours):
                yield principal


def described(cloud: Cloud, cluster: str, principal: str) -> Mapping[str, Any] | None:
    """The entry of a principal, None where there is none."""
    return there(lambda: cloud.eks.describe_access_entry(clusterName=cluster, principalArn=principal)["accessEntry"])


def added(cloud: Cloud, cluster: Mapping[str, Any]) -> Told:
    """What somebody else added to a cluster: it is named, and stays, for people, nodes and pods may live by it.

    Source: EKS API reference, VpcConfigResponse, ComputeConfigResponse and RemoteNetworkConfigResponse.
    """
    remote = cluster.get("remoteNetworkConfig") or {}
    ranges = [
        cidr
        for key in ("remoteNodeNetworks", "remotePodNetworks")
        for network in remote.get(key) or []
        for cidr in network.get("cidrs") or []
    ]
    role = (cluster.get("computeConfig") or {}).get("nodeRoleArn") or "none yet"
    told = [on_control_plane(cloud, cluster)]
    if theirs := ", ".join(others(cloud, cluster["name"])):
        told.append((f"somebody else gave these access to its API: {theirs}", _THEIRS))
    if (cluster.get("computeConfig") or {}).get("enabled"):
        said = f"somebody else turned on EKS Auto Mode, which adds nodes of its own with the role {role}"
        told.append((said, "if it is not wanted, turn it off in EKS"))
    if ranges:
        said = f"somebody else lets hybrid nodes and their pods in from {', '.join(sorted(set(ranges)))}"
        told.append((said, "if they are not wanted, remove the remote networks from the cluster in EKS"))
    return joined(told)
