"""What the EC2 kinds share: each is found by its recorded id, else by our tags, with the same describe call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.aws.tags import ADDRESS, LINEAGE, mapping
from livekit_deploy.engine.resource import Found, Live, Resource

Item = Mapping[str, Any]


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

    #: the describe operation, the key of its list, the key of an item's id and the filter that asks for that id
    operation: ClassVar[str]
    items: ClassVar[str]
    id_key: ClassVar[str]
    id_filter: ClassVar[str]
    #: the parameter that takes filters: ``Filter`` for NAT gateways, ``Filters`` for the rest
    filters: ClassVar[str] = "Filters"
    propagation = SPREADING

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live | None:
        """What an item of the list says; None for one that is deleted and only still shown."""
        raise TypeError(f"{cls.kind} does not say what it sees")

    @classmethod
    def listed(cls, cloud: Cloud, **filters: Sequence[str]) -> list[Item]:
        """Every item that the filters admit; ``tag_lineage`` and ``tag_address`` stand for our tags."""
        names = {"tag_lineage": f"tag:{LINEAGE}", "tag_address": f"tag:{ADDRESS}"}
        wanted = [{"Name": names.get(name, name), "Values": list(values)} for name, values in filters.items()]
        return cloud.ec2.pages(cls.operation, cls.items, **{cls.filters: wanted})

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        found = self._first(cloud, self.listed(cloud, **{self.id_filter: [id]})) if id else None
        if found is None and cloud.marks.lineage is not None:
            tags = {"tag_lineage": [cloud.marks.lineage], "tag_address": [self.address]}
            found = self._first(cloud, self.listed(cloud, **tags))
        return found

    def _first(self, cloud: Cloud, items: Iterable[Item]) -> Live | None:
        """The oldest that is not deleted; EC2 tells no age of most kinds, so the id decides: it is stable."""
        oldest = sorted(items, key=lambda item: (str(item.get("CreateTime", "")), item[self.id_key]))
        seen = (self.live(cloud, item) for item in oldest)
        return next((live for live in seen if live is not None), None)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        if cloud.marks.lineage is None:
            return
        for item in cls.listed(cloud, tag_lineage=[cloud.marks.lineage]):
            live = cls.live(cloud, item)
            if live is not None:
                yield Found(tags_of(item).get(ADDRESS, ""), live)


def tags_of(item: Item) -> dict[str, str]:
    """An item's tags; NAT gateways and rules call them as all the others do."""
    return mapping(item.get("Tags", []))
