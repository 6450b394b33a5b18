"""What the ElastiCache of one account and region holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from moto.elasticache.models import ElastiCacheBackend

from livekit_deploy.sandbox.aws.elasticache.wire import Item
from livekit_deploy.sandbox.aws.every_service.patching import kept


@dataclass
class Group:
    """A replication group: its wire form, what its members share, and how long its state lasts."""

    wire: Item
    shared: Item
    #: member → its interface
    interfaces: dict[str, str]
    since: float
    seconds: float
    #: why its creation will fail, "" when it will not
    failure: str = ""
    #: the AUTH tokens that it takes
    tokens: tuple[str, ...] = ()
    primary: str = ""


@dataclass
class Store:
    """The ElastiCache of one account and region."""

    groups: dict[str, Group] = field(default_factory=dict)
    subnets: dict[str, Item] = field(default_factory=dict)
    parameters: dict[str, Item] = field(default_factory=dict)
    tags: dict[str, list[Item]] = field(default_factory=dict)
    events: list[Item] = field(default_factory=list)


def store_of(backend: ElastiCacheBackend) -> Store:
    """What one account and region holds."""
    found: Store = kept(backend, "store", Store)
    return found
