"""The parameters of a call and what it is answered, of whatever shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(value: Any) -> Iterator[Any]:
    """Every plain value, however deep it is."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def texts(value: Any) -> Iterator[str]:
    """Those of them that are text."""
    return (one for one in leaves(value) if isinstance(one, str))
