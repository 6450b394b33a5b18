"""DNS names, and which zone answers for one, by the NS records of the zones above it.

Sources: RFC 1034, 4.2.1 (how a zone is cut) and RFC 4343 (case); Route 53 developer guide, "Making Route 53 the DNS
service for a domain" and "Routing traffic for subdomains".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from moto.route53.models import FakeZone, route53_backends

_REGISTERED = "_sandbox_registered"


def plain(name: str) -> str:
    """A name as two are compared."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), str(name)).rstrip(".").lower()


def stored(name: str) -> str:
    """A name as Route 53 keeps and lists it."""
    return plain(name).replace("*", "\\052") + "."


def register(zone: FakeZone) -> None:
    """Let the registrar name this zone's nameservers, and those of no other of its name."""
    for other in public_zones():
        if plain(other.name) == plain(zone.name):
            other.__dict__[_REGISTERED] = other is zone


def public_zones() -> Iterator[FakeZone]:
    """The public zones of all accounts, the oldest of an account first."""
    for _, backends in list(route53_backends.items()):
        for partition in list(backends):
            for zone in list(backends[partition].zones.values()):
                if not zone.private_zone:
                    yield zone


def servers(zone: FakeZone) -> set[str]:
    """The nameservers that answer for a zone."""
    return {plain(one) for one in zone.delegation_set.name_servers} if zone.delegation_set else set()


def answering(name: str) -> FakeZone | None:
    """The zone that answers for a name, None when that is nowhere here."""
    return _descend(plain(name))[0]


def nameservers(name: str) -> list[str] | None:
    """The NS records of a name: those of its zone where the name is a zone's, those of the zone above where it is
    delegated; None when nobody knows the name."""
    zone, cut = _descend(plain(name))
    if cut is not None:
        return cut
    if zone is None:
        return None
    return [str(value) for one in _at(zone, plain(name)) if one.type == "NS" for value in one.records]


def found(name: str) -> list[Any] | None:
    """All records of a name; None when nobody knows it."""
    zone = answering(name)
    return (list(_at(zone, plain(name))) or None) if zone is not None else None


def _descend(name: str) -> tuple[FakeZone | None, list[str] | None]:
    """(the zone that answers, None) or (None, the nameservers elsewhere that the last zone here delegates to)."""
    zone, below = _registered(name), ""
    while zone is not None:
        below = plain(zone.name)
        cut = next((one for one in _between(name, below) if _delegation(zone, one)), None)
        if cut is None:
            return zone, None
        told = _delegation(zone, cut)
        wanted = {plain(one) for one in told}
        zone = next((one for one in public_zones() if plain(one.name) == cut and servers(one) & wanted), None)
        if zone is None:
            return None, told
    return None, None


def _registered(name: str) -> FakeZone | None:
    """The zone that the registrar delegates to: the topmost, and of several the one it was told."""
    zones = [one for one in public_zones() if name == plain(one.name) or name.endswith(f".{plain(one.name)}")]
    if not zones:
        return None
    top = min(len(plain(one.name)) for one in zones)
    same = [one for one in zones if len(plain(one.name)) == top]
    told = [one for one in same if one.__dict__.get(_REGISTERED)]
    return (told or same)[0]


def _between(name: str, apex: str) -> Iterator[str]:
    """The names below ``apex`` down to ``name``, the topmost first."""
    labels = name.removesuffix(apex).rstrip(".").split(".") if name != apex else []
    for count in range(1, len(labels) + 1):
        yield ".".join([*labels[-count:], apex])


def _delegation(zone: FakeZone, name: str) -> list[str]:
    return [str(value) for one in _at(zone, name) if one.type == "NS" for value in one.records]


def _at(zone: FakeZone, name: str) -> Iterator[Any]:
    return (one for one in zone.rrsets if plain(one.name) == name)
