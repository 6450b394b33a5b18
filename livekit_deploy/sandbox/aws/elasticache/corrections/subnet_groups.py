"""Cache subnet groups: of subnets that exist, and protected while a replication group uses them.

moto takes any subnets, and neither changes nor deletes a group.
Source: ElastiCache API reference, CreateCacheSubnetGroup, ModifyCacheSubnetGroup, DeleteCacheSubnetGroup.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import ec2_backends
from moto.elasticache.models import ElastiCacheBackend

from livekit_deploy.sandbox.aws.elasticache.store import Store
from livekit_deploy.sandbox.aws.elasticache.wire import Asked, Item, arn, refused


class SubnetGroups:
    """The operations on subnet groups of one account and region, over its `Store`."""

    def __init__(self, backend: ElastiCacheBackend, store: Store) -> None:
        self._backend, self._store = backend, store
        self._ec2 = ec2_backends[backend.account_id][backend.region_name]

    def create_cache_subnet_group(self, asked: Asked) -> Item:
        name = asked["CacheSubnetGroupName"].lower()
        if name in self._store.subnets:
            raise refused("CacheSubnetGroupAlreadyExists", f"Cache subnet group {name} already exists.")
        own = arn(self._backend, "subnetgroup", name)
        wire = {
            "CacheSubnetGroupName": name,
            "CacheSubnetGroupDescription": asked["CacheSubnetGroupDescription"],
            "ARN": own,
            **self._placed(asked["SubnetIds"]),
        }
        self._store.subnets[name] = wire
        self._store.tags[own] = list(asked.get("Tags") or [])
        return {"CacheSubnetGroup": wire}

    def _placed(self, ids: list[str]) -> Item:
        subnets = []
        for id in ids:
            try:
                subnets.append(self._ec2.get_subnet(id))
            except Exception as error:
                raise refused("InvalidSubnet", f"The subnet ID '{id}' does not exist") from error
        listed = [
            {"SubnetIdentifier": subnet.id, "SubnetAvailabilityZone": {"Name": subnet.availability_zone}}
            for subnet in subnets
        ]
        return {"VpcId": subnets[0].vpc_id, "Subnets": listed}

    def named(self, name: str) -> Item:
        """The subnet group of that name; refuses one that there is not."""
        if name.lower() not in self._store.subnets:
            raise refused("CacheSubnetGroupNotFoundFault", f"Cache Subnet Group {name} does not exist.")
        found: Item = self._store.subnets[name.lower()]
        return found

    def describe_cache_subnet_groups(self, asked: Asked) -> Item:
        name = asked.get("CacheSubnetGroupName")
        found = [self.named(name)] if name else list(self._store.subnets.values())
        return {"CacheSubnetGroups": found}

    def modify_cache_subnet_group(self, asked: Asked) -> Item:
        wire = self.named(asked["CacheSubnetGroupName"])
        leaving = {one["SubnetIdentifier"] for one in wire["Subnets"]} - set(asked["SubnetIds"])
        used = {self._ec2.enis[id].subnet.id for group in self._users(wire) for id in group.interfaces.values()}
        if leaving & used:
            raise refused("SubnetInUse", f"The subnet {min(leaving & used)} is in use.")
        wire |= self._placed(asked["SubnetIds"])
        return {"CacheSubnetGroup": wire}

    def _users(self, wire: Item) -> list[Any]:
        name = wire["CacheSubnetGroupName"]
        return [one for one in self._store.groups.values() if one.shared["CacheSubnetGroupName"] == name]

    def delete_cache_subnet_group(self, asked: Asked) -> Item:
        wire = self.named(asked["CacheSubnetGroupName"])
        if self._users(wire):
            name = wire["CacheSubnetGroupName"]
            raise refused("CacheSubnetGroupInUse", f"Cache subnet group {name} is currently in use by a cache cluster.")
        self._store.tags.pop(wire["ARN"], None)
        del self._store.subnets[wire["CacheSubnetGroupName"]]
        return {}
