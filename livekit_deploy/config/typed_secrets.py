"""Finds secrets that somebody typed into a file or an override: no secret belongs there.

Only keys and places are told, never what was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME = re.compile(
    r"(^|_)(secret|password|passwd|passphrase|token|credentials?|keys|api_key|private_key|secret_key|access_key)$"
)
_VALUE = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"  # an AWS access key
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\w://[^\s/@:]*:[^\s/@]+@"  # a password in a URL
)
Place = tuple[str | int, ...]


def names_a_secret(key: str) -> bool:
    """Whether a key, in snake or camel case, is what people call a secret."""
    return _NAME.search(_CAMEL.sub("_", key).lower()) is not None


def typed(value: Any, at: Place = ()) -> Iterator[Place]:
    """The places in a document at which something secret was typed."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if names_a_secret(str(key)) and _holds(item):
                yield (*at, str(key))
            else:
                yield from typed(item, (*at, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from typed(item, (*at, number))
    elif isinstance(value, str) and _VALUE.search(value):
        yield at


def _holds(value: Any) -> bool:
    """Whether there is something to keep secret: text or numbers, not a switch and not an address."""
    if isinstance(value, Mapping):
        return any(_holds(item) for item in value.values())
    if isinstance(value, list):
        return any(map(_holds, value))
    if isinstance(value, str):
        return bool(value) and not value.startswith("arn:")
    return isinstance(value, int | float) and not isinstance(value, bool)
