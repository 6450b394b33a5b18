"""What AWS asks by list for what is made here: the table in ``prices.json``, dated, with its sources.

All prices are in US dollars a month of 730 hours, which is how AWS's own calculator counts. A price that the table does
not have is None: it is said to be missing and never guessed from another region or type.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

_HOURS = 730
#: items that are paid by the month; the rest is paid by the hour
_MONTHLY = {"gp3_gib", "kms_key", "secret"}
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
_BY_USE = {"instance", "eks.node_group", "elasticache.replication_group", "logs.log_group", "ec2.flow_log"}


@functools.cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(resources.files("livekit_deploy").joinpath("prices.json").read_text("utf-8"))
    return found


def as_of() -> str:
    """The month of the table, such as ``2026-10``."""
    return str(_table()["as_of"])


def regions() -> list[str]:
    """Those that the table covers, at least in part."""
    return sorted(_table()["regions"])


class Prices:
    """The list prices of one region."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._here: dict[str, Any] = _table()["regions"].get(region, {})

    @property
    def known(self) -> bool:
        """Whether the table covers the region."""
        return bool(self._here)

    def monthly(self, item: str) -> float | None:
        """One of ``item``, such as ``nat_gateway``; of ``gp3_gib`` one GiB."""
        price = self._here.get(item)
        return None if price is None else price * (1 if item in _MONTHLY else _HOURS)

    def typed(self, item: str, type: str) -> float | None:
        """One ``instance`` of a type such as ``c6i.large``, or one node of the engine ``valkey`` or ``redis``."""
        family, _, size = type.removeprefix("cache.").partition(".")
        price = self._here.get(item, {}).get(family, {}).get(size)
        return None if price is None else price * _HOURS

    def left(self, what: str, gib: int = 0) -> float | None:
        """One thing that `down` left behind; None where that depends on its type or use, 0 for what is free."""
        if what == "volume":
            price = self.monthly("gp3_gib")
            return None if price is None else round(price * gib, 2)
        if what in _BY_USE or (what in _LEFT and not self.known):
            return None
        return round(self.monthly(_LEFT[what]) or 0.0, 2) if what in _LEFT else 0.0
