"""Cache subnet groups, and the ownership tags that ElastiCache's descriptions carry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.naming import fit
from livekit_deploy.aws.access.tags import ADDRESS, ENV, LINEAGE, PROJECT, mapping, pairs
from livekit_deploy.engine.inputs import Inputs, Output
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import Absent

_SUBNET_GROUP_NAME = 255
_MARK = re.compile(r"LiveKit (\S+) \[(\S+) (\S+)\]")


class SubnetGroup(Resource):
    """The subnets that Redis may be placed in. Source: ElastiCache API reference, CreateCacheSubnetGroup."""

    kind = "elasticache.subnet_group"
    # subnets that were made a moment ago
    propagation = {"InvalidSubnet": (), "ServiceLinkedRoleNotFoundFault": ()}

    subnet_ids: Inputs[str] = Inputs(api="SubnetIds")

    group_name = Output[str]()
    arn = Output[str]()

    def _name(self, cloud: Cloud) -> str:
        return fit(cloud.name(self.instance), _SUBNET_GROUP_NAME).lower()

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        name = id or self._name(cloud)
        try:
            group = cloud.elasticache.describe_cache_subnet_groups(CacheSubnetGroupName=name)["CacheSubnetGroups"][0]
            tags = tags_of(cloud, group)
        except Absent:
            return None
        if id is None:
            cloud.ownership.claim(tags, self.address, f"the cache subnet group {name}")
        return _subnet_group(group, tags)

    def create(self, cloud: Cloud, token: str) -> str:
        name = self._name(cloud)
        cloud.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName=name,
            CacheSubnetGroupDescription=f"LiveKit {cloud.ownership.prefix}",
            SubnetIds=sorted(self.subnet_ids),
            Tags=pairs(cloud.ownership.tags(self.address, name)),
        )
        return name

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        if "subnet_ids" in changed:
            cloud.elasticache.modify_cache_subnet_group(CacheSubnetGroupName=live.id, SubnetIds=sorted(self.subnet_ids))

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        put_tags(cloud, live, tags)

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.elasticache.delete_cache_subnet_group(CacheSubnetGroupName=live.id)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        groups = ours(cloud, "describe_cache_subnet_groups", "CacheSubnetGroups", "CacheSubnetGroupName")
        for address, group in groups:
            yield Found(address, _subnet_group(group, tags_of(cloud, group)))


def _subnet_group(group: Mapping[str, Any], tags: Mapping[str, str]) -> Live:
    name = group["CacheSubnetGroupName"]
    subnets = sorted(subnet["SubnetIdentifier"] for subnet in group.get("Subnets", []))
    return Live(name, Status.READY, {"subnet_ids": subnets}, {"group_name": name, "arn": group["ARN"]}, tags=tags)


def put_tags(cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
    """Put tags back: ElastiCache tags a group by its ARN (API reference, AddTagsToResource)."""
    cloud.elasticache.add_tags_to_resource(ResourceName=live.outputs["arn"], Tags=pairs(tags))


def tags_of(cloud: Cloud, item: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a group, from its description or else from its tags."""
    if mark := _MARK.search(item.get("Description", "")):
        whose = (
            {PROJECT: cloud.ownership.project, ENV: cloud.ownership.env} if mark[1] == cloud.ownership.prefix else {}
        )
        return {**whose, LINEAGE: mark[2], ADDRESS: mark[3]}
    return tags_from_aws(cloud, item)


def tags_from_aws(cloud: Cloud, item: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a group, which ElastiCache tells of one that is available."""
    return mapping(cloud.elasticache.list_tags_for_resource(ResourceName=item["ARN"])["TagList"])


def ours(cloud: Cloud, operation: str, key: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(address, object) of what a list shows under our prefix and with our tags; each look at tags costs a call."""
    if cloud.ownership.lineage is None:
        return
    for item in cloud.elasticache.pages(operation, key):
        if not item[name].startswith(f"{cloud.ownership.prefix}-".lower()):
            continue
        try:
            tags = tags_of(cloud, item)
        except Absent:
            continue
        if cloud.ownership.ours(tags):
            yield tags.get(ADDRESS, ""), item
