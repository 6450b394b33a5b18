"""The base of the kinds whose objects have a name that AWS keeps unique: found by that, and ours by their tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.naming import fit
from livekit_deploy.aws.access.tags import ADDRESS
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import Absent

Item = Mapping[str, Any]
T = TypeVar("T")
#: the host of what lives in none
NOWHERE = Live("", Status.READY)


def there(look: Callable[[], T]) -> T | None:
    """What a look at one object gives; None where there is none, or none any more."""
    try:
        return look()
    except Absent:
        return None


class NamedResource(Resource):
    """A kind that is described by its name, which tells its tags as well; a list of names finds those of ours."""

    #: what one is called that somebody else made, and how long AWS lets its name be
    what: ClassVar[str]
    longest: ClassVar[int]

    @classmethod
    def described(cls, cloud: Cloud, host: Live, id: str) -> Any:
        """What AWS says of the object; raises `Absent` where there is none."""
        raise TypeError(f"{cls.kind} does not say how to describe one")

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        """What that comes to, without its tags."""
        raise TypeError(f"{cls.kind} does not say what it sees")

    @classmethod
    def tags_of(cls, cloud: Cloud, item: Item) -> Mapping[str, str]:
        tags: Mapping[str, str] = item.get("tags", {})
        return tags

    @classmethod
    def ids(cls, cloud: Cloud, host: Live) -> Iterable[str]:
        """The ids of those that may be ours: each look at tags costs a call."""
        raise TypeError(f"{cls.kind} does not say how to list")

    def own_name(self, cloud: Cloud) -> str:
        """Its name in AWS."""
        return fit(cloud.name(self.instance), self.longest)

    def own_id(self, cloud: Cloud) -> str:
        """What it is described by while none is on record."""
        return self.own_name(cloud)

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        name = id or self.own_id(cloud)
        host = self.its_host if self.host_kind else NOWHERE
        try:
            item = self.described(cloud, host, name)
            tags = self.tags_of(cloud, item)
            if id is None:
                cloud.ownership.claim(tags, self.address, f"{self.what} {name}")
            return replace(self.live(cloud, host, item), tags=tags)
        except Absent:
            return None

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        if cloud.ownership.lineage is None or (cls.host_kind and host is None):
            return
        where = host or NOWHERE
        for id in cls.ids(cloud, where):
            try:
                item = cls.described(cloud, where, id)
                tags = cls.tags_of(cloud, item)
                if cloud.ownership.ours(tags):
                    yield Found(tags.get(ADDRESS, ""), replace(cls.live(cloud, where, item), tags=tags))
            except Absent:  # deleted between the list and the look
                continue

    @property
    def its_host(self) -> Live:
        """What it lives in; raises `Absent` where that is not there."""
        if self.host is None:
            raise Absent(f"{self.address}: its cluster does not exist", address=self.address)
        return self.host
