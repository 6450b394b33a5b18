"""Compares an object with its declaration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from livekit_deploy.engine import inputs
from livekit_deploy.engine.inputs import Ref
from livekit_deploy.engine.plan import FieldDiff, compare, unknown
from livekit_deploy.engine.resource import Live, Resource
from livekit_deploy.state.document import Record


def difference(
    item: Resource, record: Record | None, live: Live, lookup: Callable[[Ref[Any]], Any]
) -> dict[str, tuple[FieldDiff, ...]]:
    """Which inputs differ from the object, and how.

    What the object does not tell (a password, a field that an autoscaler owns) is compared with what was recorded; a
    create-only input always is: a changed configuration applies it once, drift of it never shows.
    """
    found: dict[str, tuple[FieldDiff, ...]] = {}
    for key, want in item.desired(lookup).items():
        declared = item.inputs[key]
        recorded = record.inputs.get(key, want) if record else want
        told = key in live.props and declared.change is not inputs.Change.CREATE_ONLY
        have = inputs.plain(live.props[key]) if told else recorded
        if unknown(want) or item.differs(key, want, have):
            origin = "config" if record is None or not told or recorded != want else "drift"
            if (diffs := tuple(compare(key, have, want, origin))) != ():
                found[key] = diffs
    return found
