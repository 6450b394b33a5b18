"""Decides whether an object is ours: it carries our tags now, or its kind knows it by something else.

An object that is recorded and not ours may have been given away. Until its address is among those that the user adopts,
nothing of it is changed, and it is neither replaced, made again nor deleted: it stays, and is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from livekit_deploy.engine.cloud import Cloud
from livekit_deploy.engine.plan import FieldDiff
from livekit_deploy.engine.resource import Live, Resource
from livekit_deploy.errors import NotOurs
from livekit_deploy.state.document import Record

#: where the tags stand among the differences of an object
OWNERSHIP = "ownership_tags"
_WHAT = {True: "removed", False: "changed"}


@dataclass(frozen=True)
class Kept:
    """An object that stays although it was to be deleted: why, what to do about it, and whether it may still be ours,
    so that its record stays too."""

    address: str
    id: str
    why: str
    hint: str = ""
    recorded: bool = True


def missing(item: Resource, cloud: Cloud, record: Record | None, live: Live) -> tuple[FieldDiff, ...]:
    """What tells that an object is not ours, or not any more: tags that it lacks, or what others made of it."""
    found = item.ownership_differences(cloud, live, record)
    return tuple(FieldDiff(path, have, want, "drift") for path, (have, want) in found.items())


def why_and_remedy(item: Resource, diffs: Sequence[FieldDiff]) -> tuple[str, str]:
    """What is wrong with an object of which these differ, and what to do about it."""
    adopt = f"livekit-deploy up --adopt {item.address}"
    if any(one.path.startswith(f"{OWNERSHIP}.") and one.path.endswith("lineage") and one.before for one in diffs):
        return _said(diffs), f"continue with the state document that it belongs to; only if that is lost: {adopt}"
    return _said(diffs), f"nothing of it is changed until it is adopted: {adopt}"


def _said(diffs: Iterable[FieldDiff]) -> str:
    names: dict[bool, list[str]] = {True: [], False: []}
    others = []
    for diff in diffs:
        if diff.path.startswith(f"{OWNERSHIP}."):
            names[diff.before is None].append(diff.path.removeprefix(f"{OWNERSHIP}."))
        else:
            others.append(f"its {diff.path} is {diff.before}, not {diff.after}, as was written")
    return "; ".join(
        [*(f"tags {what}: {', '.join(names[gone])}" for gone, what in _WHAT.items() if names[gone]), *others]
    )


def adopted(item: Resource, cloud: Cloud, record: Record | None = None, live: Live | None = None) -> bool:
    """Whether the user takes it over, tags and all; or it was made again in the place of what we deleted."""
    return item.address in cloud.ownership.adopt or (live is not None and item.recreated_by_others(cloud, live, record))


def put_back(item: Resource, cloud: Cloud, live: Live, diffs: Mapping[str, tuple[FieldDiff, ...]]) -> None:
    """Give an object the tags that it lacks: one call."""
    item.put_own_tags(cloud, live, {one.path.removeprefix(f"{OWNERSHIP}."): str(one.after) for one in diffs[OWNERSHIP]})


def with_tags(
    item: Resource, cloud: Cloud, record: Record | None, live: Live, diffs: dict[str, tuple[FieldDiff, ...]]
) -> dict[str, tuple[FieldDiff, ...]]:
    """The differences of an object, and before them the tags that it lacks, where it is adopted."""
    lost = tuple(one for one in missing(item, cloud, record, live) if one.path.startswith(f"{OWNERSHIP}."))
    return {OWNERSHIP: lost, **diffs} if lost and adopted(item, cloud, record, live) else diffs


def kept(item: Resource, cloud: Cloud, record: Record | None, live: Live) -> Kept | None:
    """Why an object that is to be deleted is left as it is; None for one that is ours."""
    diffs = missing(item, cloud, record, live)
    own = [one for one in diffs if item.shows_it_is_foreign(cloud, live, one.path)]
    if own and item.belongs_to_others(cloud, live, record):
        return Kept(item.address, live.id, f"it no longer belongs to us: {_said(own)}", recorded=False)
    if not own or adopted(item, cloud, record, live):
        return None
    hint = (
        f"if it is ours, run the same command again with --adopt {item.address}, which deletes it; if it is not: "
        f"livekit-deploy state forget {item.address}"
    )
    return Kept(item.address, live.id, f"it does not carry our tags: {_said(own)}", hint)


def require(item: Resource, cloud: Cloud, record: Record | None, live: Live) -> None:
    """Raise `NotOurs` for an object that has ceased to be ours since it was planned to be changed."""
    diffs = missing(item, cloud, record, live)
    if diffs and not adopted(item, cloud, record, live):
        said, remedy = why_and_remedy(item, diffs)
        raise NotOurs(f"{item.address} ({live.id}) is not changed: {said}", hint=remedy)
