"""AWS's list prices of what this program makes: the table in ``prices.json``, dated, with its sources.

What the table lacks may be told from elsewhere (`costs.price_list`). All prices are in US dollars a month
of 730 hours, which is how AWS's own calculator counts. A price that nobody knows is None: it is said to be missing and
never guessed from another region or type.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

_HOURS = 730
#: items that are paid by the month; the rest is paid by the hour
_MONTHLY = {"gp3_gib", "kms_key", "secret"}
#: GB that somebody gets in an hour who sees one picture of 720p and hears one voice: 1.7 Mbit/s is LiveKit's preset for
#: the one (livekit-client, VideoPresets.h720), 24 kbit/s, sent twice against losses, for the other (`speech`)
_GB_HOUR = (1.7 + 2 * 0.024) / 8 * 3600 / 1000
_NAMES = {
    "cluster": "control plane",
    "extended_support": "its extended support",
    "engine_extension": "extended support of its engine",
    "nat_gateway": "NAT gateway",
    "public_ipv4": "public IPv4 address",
    "load_balancer": "load balancer",
    "gp3_gib": "GiB gp3",
    "kms_key": "KMS key",
    "secret": "secret",
}
#: what may be left behind after `down` → the item of the table
_LEFT = {
    "eks.cluster": "cluster",
    "NAT gateway": "nat_gateway",
    "ec2.nat_gateway": "nat_gateway",
    "ec2.elastic_ip": "public_ipv4",
    "load balancer": "load_balancer",
    "kms.key": "kms_key",
    "secretsmanager.secret": "secret",
}
#: what is paid for by size, use or type, which nobody knows of a thing that is left
_BY_USE = {
    *("instance", "eks.node_group", "elasticache.replication_group", "logs.log_group", "ec2.flow_log"),
    "interface endpoint",
}


@dataclass(frozen=True)
class Item:
    """One thing that has a price in a region.

    ``name`` is its key in the table, such as ``nat_gateway`` or ``gp3_gib``; an ``instance`` has a ``type`` such as
    ``c6i.large``, a node of the engine ``valkey`` or ``redis`` one such as ``cache.t4g.small``, and so has what an old
    engine costs more, ``engine_extension``.
    """

    name: str
    type: str = ""

    def __str__(self) -> str:
        if not self.type:
            return _NAMES[self.name]
        return self.type if self.name == "instance" else f"{self.type} ({_NAMES.get(self.name, self.name)})"


@dataclass(frozen=True)
class Told:
    """What somebody says about items: dollars an hour, or a month where the table has them so; and why not of all."""

    usd: Mapping[Item, float] = field(default_factory=dict)
    why_not: str = ""


#: tells prices that the table lacks, as far as it can
Ask = Callable[[Collection[Item]], Told]


@functools.cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resources.files(__package__).joinpath("prices.json").read_text("utf-8"))
    return found


def as_of() -> str:
    """The month of the table, such as ``2026-10``."""
    return str(_table()["as_of"])


def regions() -> list[str]:
    """Those that the table covers, at least in part."""
    return sorted(_table()["regions"])


class Prices:
    """The list prices of one region: those of the table, and those that were ``told``."""

    def __init__(self, region: str, told: Mapping[Item, float] | None = None) -> None:
        self.region = region
        self._here: dict[str, Any] = _table()["regions"].get(region, {})
        self._told = told or {}

    def listed(self, item: Item) -> bool:
        """Whether the table has it."""
        return self._listed(item) is not None

    def monthly(self, item: Item) -> float | None:
        """One of it; of ``gp3_gib`` one GiB."""
        price = self._listed(item)
        price = self._told.get(item) if price is None else price
        return None if price is None else price * (1 if item.name in _MONTHLY else _HOURS)

    @property
    def participant_hour(self) -> float | None:
        """What AWS asks for the traffic to somebody who is in a call for an hour; None where that is unknown."""
        price = self._here.get("traffic_out_gb")
        return None if price is None else round(float(price) * _GB_HOUR, 3)

    def left(self, what: str, gib: int = 0) -> float | None:
        """One thing that `down` left behind; None where that depends on its type or use, 0 for what is free."""
        if what == "volume":
            price = self.monthly(Item("gp3_gib"))
            return None if price is None else round(price * gib, 2)
        if what in _BY_USE or (what in _LEFT and not self._here):
            return None
        return round(self.monthly(Item(_LEFT[what])) or 0.0, 2) if what in _LEFT else 0.0

    def _listed(self, item: Item) -> float | None:
        if not item.type:
            return self._here.get(item.name)
        family, _, size = item.type.removeprefix("cache.").partition(".")
        price: float | None = self._here.get(item.name, {}).get(family, {}).get(size)
        return price
