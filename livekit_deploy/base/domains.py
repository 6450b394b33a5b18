"""Compares DNS names as DNS does, without regard to case and final dot."""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\([0-7]{3})")


def plain(name: str) -> str:
    """The one form of a name: in lower case, without the dot of the root, and ``\\052`` written as the asterisk it is.

    Sources: RFC 1034, 3.1, and RFC 4343; Route 53 developer guide, "DNS domain name format".
    """
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), name).rstrip(".").lower()


def above(name: str, zone: str) -> list[str]:
    """The names below ``zone`` down to ``name`` itself, the topmost first: where another zone may begin."""
    name, zone = plain(name), plain(zone)
    if not name.endswith(f".{zone}"):
        return []
    labels = name.removesuffix(f".{zone}").split(".")
    return [".".join([*labels[-count:], zone]) for count in range(1, len(labels) + 1)]
