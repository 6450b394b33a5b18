"""Cache subnet groups, and the ownership tags that ElastiCache's descriptions carry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS, ENV, LINEAGE, PROJECT, mapping, pairs
from livekit_deploy.aws.kinds.named import NOWHERE, Item, NamedResource
from livekit_deploy.engine.inputs import Inputs, Output
from livekit_deploy.engine.resource import Found, Live, Status
from livekit_deploy.errors import Absent

_MARK = re.compile(r"LiveKit (\S+) \[(\S+) (\S+)\]")


class ElastiCacheResource(NamedResource):
    """A kind of ElastiCache's: its name is in small letters, its tags are put by its ARN (AddTagsToResource)."""

    #: the describe operation, the key of its list and the key of a name
    listing: ClassVar[tuple[str, str, str]]

    def own_name(self, cloud: Cloud) -> str:
        return re.sub("-+", "-", super().own_name(cloud).lower()).rstrip("-")

    @classmethod
    def described(cls, cloud: Cloud, host: Live, id: str) -> Any:
        operation, items, name = cls.listing
        return cloud.elasticache.pages(operation, items, **{name: id}).only

    @classmethod
    def tags_of(cls, cloud: Cloud, item: Item) -> Mapping[str, str]:
        return tags_of(cloud, item)

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.elasticache.add_tags_to_resource(ResourceName=live.outputs["arn"], Tags=pairs(tags))

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        for tags, group in ours(cloud, *cls.listing):
            yield Found(tags.get(ADDRESS, ""), replace(cls.live(cloud, NOWHERE, group), tags=tags))


class SubnetGroup(ElastiCacheResource):
    """The subnets that Redis may be placed in. Source: ElastiCache API reference, CreateCacheSubnetGroup."""

    kind = "elasticache.subnet_group"
    what, longest = "the cache subnet group", 255
    listing = ("describe_cache_subnet_groups", "CacheSubnetGroups", "CacheSubnetGroupName")
    # subnets that were made a moment ago
    propagation = {"InvalidSubnet": (), "ServiceLinkedRoleNotFoundFault": ()}

    subnet_ids: Inputs[str] = Inputs(api="SubnetIds", shown="Subnets[].SubnetIdentifier")

    group_name = Output[str]("CacheSubnetGroupName")
    arn = Output[str]("ARN")

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        outputs = cls.outputs_of(item)
        return Live(outputs["group_name"], Status.READY, cls.props_of(item), outputs)

    def create(self, cloud: Cloud, token: str) -> str:
        name = self.own_name(cloud)
        cloud.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName=name,
            CacheSubnetGroupDescription=f"LiveKit {cloud.ownership.prefix}",
            Tags=pairs(cloud.ownership.tags(self.address, name)),
            **self.arguments(),
        )
        return name

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        if "subnet_ids" in changed:
            cloud.elasticache.modify_cache_subnet_group(CacheSubnetGroupName=live.id, **self.arguments())

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.elasticache.delete_cache_subnet_group(CacheSubnetGroupName=live.id)


def tags_of(cloud: Cloud, item: Item) -> dict[str, str]:
    """The tags of a group, from its description or else from its tags."""
    if mark := _MARK.search(item.get("Description", "")):
        whose = (
            {PROJECT: cloud.ownership.project, ENV: cloud.ownership.env} if mark[1] == cloud.ownership.prefix else {}
        )
        return {**whose, LINEAGE: mark[2], ADDRESS: mark[3]}
    return tags_from_aws(cloud, item)


def tags_from_aws(cloud: Cloud, item: Item) -> dict[str, str]:
    """The tags of a group, which ElastiCache tells of one that is available."""
    return mapping(cloud.elasticache.list_tags_for_resource(ResourceName=item["ARN"])["TagList"])


def ours(cloud: Cloud, operation: str, key: str, name: str) -> Iterator[tuple[Mapping[str, str], Item]]:
    """(tags, object) of what a list shows under our prefix and with our tags; each look at tags costs a call."""
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
            yield tags, item
