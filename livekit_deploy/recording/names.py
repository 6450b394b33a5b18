"""Placeholders: equal values get equal placeholders, and nobody can compute the value back.

A placeholder is a keyed hash (HMAC-SHA256). The key is drawn for each run and written nowhere; commands that are given
the same key in the variable `KEY` give the same placeholders.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
from collections.abc import Mapping

#: for commands whose records belong together: any text that nobody can guess
KEY = "LIVEKIT_DEPLOY_RECORD_KEY"
_DIGITS = 8
#: what a placeholder says that it stands for
KINDS = (
    *("account", "certificate", "cidr", "email", "id", "ip", "label", "mac", "name", "region", "text", "url", "word"),
)
#: they say nothing of whose they are
EVERYWHERE = ("0.0.0.0/0", "::/0")


class Names:
    """The placeholders of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Names:
        """Those of the key in the environment; of one drawn now where there is none."""
        given = environ.get(KEY, "")
        return cls(given.encode() if given else secrets.token_bytes(32))

    @property
    def family(self) -> str:
        """The same for all records that share placeholders."""
        return self._hash("family", "")

    def of(self, kind: str, value: str) -> str:
        """``<name-3f9a01cc>``: what it is, and which one."""
        return f"<{kind}-{self._hash(kind, value)}>"

    def network(self, value: str) -> str:
        """``<ip-5dc90407>`` or ``<cidr-5dc90000/16>``; two addresses have as long a prefix in common as before."""
        if value in EVERYWHERE:
            return value
        kind, address, length = "ip", *value.partition("/")[::2]
        if length:
            kind = "cidr"
        parsed = ipaddress.ip_address(address)
        width = parsed.max_prefixlen
        bits = f"{int(parsed):0{width}b}"[: int(length) if length else width]
        other = "".join(str(int(bit) ^ self._flips(bits[:place], width)) for place, bit in enumerate(bits))
        number = int(other.ljust(width, "0") or "0", 2)
        return f"<{kind}-{number:0{width // 4}x}{f'/{length}' if length else ''}>"

    def _flips(self, before: str, width: int) -> int:
        """Whether the bit after this prefix is turned (as in Crypto-PAn: prefix-preserving anonymization)."""
        return int(self._hash(f"bit-{width}", before), 16) & 1

    def _hash(self, kind: str, value: str) -> str:
        return hmac.new(self._key, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()[:_DIGITS]
