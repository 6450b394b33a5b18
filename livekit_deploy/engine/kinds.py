"""Kinds by their names: a state document names the kind of what it records, and a class is needed to act on it.

There is no list of all classes of a process: each run has the kinds that it was given (`Cloud.kinds`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import StateError
from livekit_deploy.state.document import Record

Kinds: TypeAlias = Mapping[str, type[Resource]]


def named(classes: Iterable[type[Resource]]) -> dict[str, type[Resource]]:
    """The classes by their kinds; raises `TypeError` where two claim the same."""
    found: dict[str, type[Resource]] = {}
    for one in classes:
        if (other := found.setdefault(one.kind, one)) is not one:
            raise TypeError(f"two classes claim the kind {one.kind}: {other.__qualname__}, {one.__qualname__}")
    return found


def kind_of(kinds: Kinds, name: str, address: str) -> type[Resource]:
    """The class of a recorded kind; raises `StateError` for one that is not among ``kinds``."""
    found = kinds.get(name)
    if found is None:
        raise StateError(
            f"the state holds {address}, whose kind this version does not know",
            hint="upgrade livekit_deploy; if the kind is your own, give its class: Deployer(env, kinds=[...])",
        )
    return found


def recorded(kinds: Kinds, record: Record, address: str) -> Resource:
    """The resource as its record describes it. Raises as `kind_of` does."""
    return kind_of(kinds, record.kind, address).recorded(address, record.inputs)
