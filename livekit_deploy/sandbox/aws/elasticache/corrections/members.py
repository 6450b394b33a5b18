"""The members of a replication group: how many, in which zones, and which is the primary.

Source: ElastiCache API reference, NodeGroupMember, IncreaseReplicaCount, DecreaseReplicaCount and TestFailover.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from livekit_deploy.sandbox.aws.elasticache.store import Group
from livekit_deploy.sandbox.aws.elasticache.wire import Item


def resize(group: Group, count: int, subnets: Sequence[str], ec2: Any, leaving: Collection[str] = ()) -> None:
    """Members with an interface each, spread over the subnets; unless they are named, replicas of the highest number
    leave, never the primary."""
    name, wire = group.wire["ReplicationGroupId"], group.wire
    replicas = [one for one in wire["MemberClusters"] if one != group.primary]
    for id in leaving or replicas[max(count - 1, 0) :]:
        ec2.enis.pop(group.interfaces.pop(id), None)
    ids = [one["SecurityGroupId"] for one in group.shared["SecurityGroups"]]
    names = (f"{name}-{number:03d}" for number in itertools.count(1))
    free = (one for one in names if one not in group.interfaces)
    while len(group.interfaces) < count:
        subnet, id = ec2.get_subnet(subnets[len(group.interfaces) % len(subnets)]), next(free)
        interface = ec2.create_network_interface(subnet, "", group_ids=ids, description=f"ElastiCache {id}")
        interface.status = "in-use"
        group.interfaces[id] = interface.id
    wire["MemberClusters"] = sorted(group.interfaces)
    group.primary = group.primary or wire["MemberClusters"][0]
    wire["NodeGroups"] = [shard(group, ec2.region_name)]


def shard(group: Group, region: str) -> Item:
    """Its endpoints, and the part that each member plays."""
    wire = group.wire
    name = wire["ReplicationGroupId"]
    hash = uuid.uuid5(uuid.NAMESPACE_DNS, wire["ARN"]).hex[:6]
    kinds = ("master", "replica") if wire["TransitEncryptionEnabled"] else ("primary", "reader")
    first, second = (f"{kind}.{name}.{hash}.{region}.cache.amazonaws.com" for kind in kinds)
    if not wire["TransitEncryptionEnabled"]:
        first = f"{name}.{hash}.ng.0001.{region}.cache.amazonaws.com"
    members = [
        {
            "CacheClusterId": member,
            "CacheNodeId": "0001",
            "CurrentRole": "primary" if member == group.primary else "replica",
        }
        for member in wire["MemberClusters"]
    ]
    return {
        "NodeGroupId": "0001",
        "Status": "available",
        "PrimaryEndpoint": {"Address": first, "Port": 6379},
        "ReaderEndpoint": {"Address": second, "Port": 6379},
        "NodeGroupMembers": members,
    }
