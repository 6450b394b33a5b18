"""Copies Kubernetes objects, which are JSON, faster than `copy.deepcopy`."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def copied(value: T) -> T:
    """The same dictionaries, lists and plain values, none of the first two shared."""
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [copied(one) for one in value]  # type: ignore[return-value]
    return value
