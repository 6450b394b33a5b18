"""The base of the EC2 kinds: an object is described by its recorded id, else found by our tags and then described.

A list that is asked for by tags may be late (EC2 developer guide, "Eventual consistency"): it finds, and what a
description by id says counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS, LINEAGE, mapping, pairs
from livekit_deploy.aws.kinds.named import Item, there
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import Absent, ResourceError

#: EC2 may not know yet what was made a moment ago (EC2 API reference, "Eventual consistency")
_NEW = (
    "InvalidVpcID.NotFound",
    "InvalidVpcId.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidGroup.NotFound",
    "InvalidRouteTableID.NotFound",
    "InvalidRouteTableId.NotFound",
    "InvalidInternetGatewayID.NotFound",
    "InvalidGatewayID.NotFound",
    "InvalidNatGatewayID.NotFound",
    "NatGatewayNotFound",
    "InvalidAllocationID.NotFound",
    "InvalidLaunchTemplateId.NotFound",
    "InvalidSecurityGroupRuleId.NotFound",
)
SPREADING: Mapping[str, tuple[str, ...]] = dict.fromkeys(_NEW, ())
#: a create that is sent once only is not repeated by botocore, although nothing came of a throttled one
SENT_ONCE: Mapping[str, tuple[str, ...]] = {**SPREADING, "RequestLimitExceeded": (), "Throttling": ()}


class Ec2Resource(Resource):
    """A kind of EC2's that is described by a list call with filters, and tagged by ``TagSpecifications``."""

    #: the describe operation, the key of its list and the key of an item's id; the type that its tags are given for
    operation: ClassVar[str]
    items: ClassVar[str]
    id_key: ClassVar[str]
    tagged_as: ClassVar[str]
    #: the parameter that takes filters: ``Filter`` for NAT gateways, ``Filters`` for the rest
    filters: ClassVar[str] = "Filters"
    propagation = SPREADING

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live | None:
        """What an item of the list says; None for one that is deleted and only still shown."""
        return Live(item[cls.id_key], Status.READY, cls.props_of(item), cls.outputs_of(item))

    def request(self, cloud: Cloud, **tags: str) -> dict[str, Any]:
        """What a create call is given: the inputs, and all tags with these besides."""
        own = {**cloud.ownership.tags(self.address, cloud.name(self.instance)), **tags}
        return {**self.arguments(), "TagSpecifications": [{"ResourceType": self.tagged_as, "Tags": pairs(own)}]}

    @classmethod
    def alive(cls, cloud: Cloud, item: Item) -> Live | None:
        """The same with its tags; None as well for one that a late list shows, and whose details are gone.

        Raises `WrongAccount` for one of another account.
        """
        item.get("OwnerId"), item.get("GroupOwnerId")
        live = there(lambda: cls.live(cloud, item))
        return replace(live, tags=tags_of(item)) if live is not None else None

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.ec2.create_tags(Resources=[live.id], Tags=pairs(tags))

    @classmethod
    def listed(cls, cloud: Cloud, **filters: Sequence[str]) -> list[Item]:
        """Every item that the filters admit; ``tag_lineage`` and ``tag_address`` stand for our tags."""
        names = {"tag_lineage": f"tag:{LINEAGE}", "tag_address": f"tag:{ADDRESS}"}
        wanted = [{"Name": names.get(name, name), "Values": list(values)} for name, values in filters.items()]
        return cloud.ec2.pages(cls.operation, cls.items, **{cls.filters: wanted})

    @classmethod
    def described(cls, cloud: Cloud, id: str) -> Item | None:
        """The item with this id, None where there is none."""
        return described(cloud, cls.operation, cls.items, cls.id_key, id)

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        item = self.described(cloud, id) if id else None
        found = self.alive(cloud, item) if item is not None else None
        if found is None and cloud.ownership.lineage is not None:
            tags = {"tag_lineage": [cloud.ownership.lineage], "tag_address": [self.address]}
            found = self._first(cloud, (one for one in self.listed(cloud, **tags) if one[self.id_key] != id))
        return found

    def _first(self, cloud: Cloud, listed: Iterable[Item]) -> Live | None:
        """The oldest that is there; EC2 tells no age of most kinds, so the id decides: it is stable."""
        oldest = sorted(listed, key=lambda item: (str(item.get("CreateTime", "")), item[self.id_key]))
        items = (self.described(cloud, item[self.id_key]) for item in oldest)
        ours = (item for item in items if item is not None and cloud.ownership.ours(tags_of(item)))
        return next((live for item in ours if (live := self.alive(cloud, item)) is not None), None)

    @classmethod
    def exists(cls, cloud: Cloud, live: Live) -> bool:
        return (item := cls.described(cloud, live.id)) is not None and cls.alive(cloud, item) is not None

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        if cloud.ownership.lineage is None:
            return
        for item in cls.listed(cloud, tag_lineage=[cloud.ownership.lineage]):
            live = cls.alive(cloud, item)
            if live is not None:
                yield Found(tags_of(item).get(ADDRESS, ""), live)


def described(cloud: Cloud, operation: str, items: str, id_key: str, id: str) -> Item | None:
    """The one item that a describe operation gives for an id, None where there is no such thing."""
    try:
        found = cloud.ec2.pages(operation, items, **{f"{id_key}s": [id]})
    except Absent:
        return None
    except ResourceError as error:
        if not error.code.endswith(".Malformed"):  # no id of this kind
            raise
        return None
    one: Item = found.only  # an id that EC2 does not know is an error of its own
    return one


def tags_of(item: Item) -> dict[str, str]:
    """An item's tags; NAT gateways and rules call them as all the others do."""
    return mapping(item.get("Tags", []))


def networks(cloud: Cloud) -> set[str]:
    """The ids of the VPCs that carry our tags now."""
    if cloud.ownership.lineage is None:
        return set()
    marked = [{"Name": f"tag:{LINEAGE}", "Values": [cloud.ownership.lineage]}]
    found = cloud.ec2.pages("describe_vpcs", "Vpcs", Filters=marked)
    return {item["VpcId"] for item in found if cloud.ownership.ours(tags_of(item))}
