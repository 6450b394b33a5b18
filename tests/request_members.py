"""What a request may hold, by botocore's models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def members(shape: Any, depth: int = 3) -> Iterator[str]:
    """The names of a structure's members, and of those inside of it."""
    if shape is not None and depth and shape.type_name == "structure":
        for name, member in shape.members.items():
            yield name
            yield from members(member, depth - 1)
    elif shape is not None and depth and shape.type_name == "list":
        yield from members(shape.member, depth - 1)
