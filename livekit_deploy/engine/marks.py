"""Marks that somebody took off an object of ours, or changed: shown as drift, and put back only when it is adopted.

An object that is recorded and does not carry our marks may have been given away. Until its address is among those that
the user adopts, nothing of it is changed, and it is neither replaced nor made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from livekit_deploy.engine.plan import FieldDiff
from livekit_deploy.engine.resource import Live, Resource
from livekit_deploy.state.document import Record

#: where the marks stand among the differences of an object
MARKS = "marks"
_WHAT = {True: "removed", False: "changed"}


def lost(item: Resource, cloud: Any, record: Record | None, live: Live) -> tuple[FieldDiff, ...]:
    """The marks that an object should carry and does not; none for a kind that carries none."""
    if live.marks is None or cloud.marks.lineage is None:
        return ()
    wanted = item.own_marks(cloud, record.outputs if record else {})
    return tuple(
        FieldDiff(f"{MARKS}.{key}", live.marks.get(key), value, "drift")
        for key, value in wanted.items()
        if live.marks.get(key) != value
    )


def told(item: Resource, diffs: tuple[FieldDiff, ...]) -> tuple[str, str]:
    """What is wrong with an object whose marks these are, and what to do about it."""
    names: dict[bool, list[str]] = {True: [], False: []}
    for diff in diffs:
        names[diff.before is None].append(diff.path.removeprefix(f"{MARKS}."))
    said = [f"marks {what}: {', '.join(names[gone])}" for gone, what in _WHAT.items() if names[gone]]
    return "; ".join(said), f"nothing of it is changed until it is adopted: livekit-deploy up --adopt {item.address}"


def adopted(item: Resource, cloud: Any) -> bool:
    """Whether the user takes it over, marks and all."""
    return item.address in cloud.marks.adopt


def put_back(item: Resource, cloud: Any, live: Live, diffs: Mapping[str, tuple[FieldDiff, ...]]) -> None:
    """Give an object the marks that it lacks: one call."""
    item.put_marks(cloud, live, {one.path.removeprefix(f"{MARKS}."): str(one.after) for one in diffs[MARKS]})
