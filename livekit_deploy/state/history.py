"""Earlier versions of a document: the copy that each run leaves, and the bucket's own versions."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from livekit_deploy.errors import StateError
from livekit_deploy.state.document import load
from livekit_deploy.state.store import Store, Version


@dataclass(frozen=True)
class Past:
    """One earlier document: ``id`` is what `restore` takes, ``written`` is UTC, ISO 8601.

    ``who`` is who held the lease when it was written ("" when nobody did), ``damage`` why it cannot be restored.
    """

    id: str
    written: str
    serial: int | None = None
    who: str = ""
    records: int = 0
    unfinished: int = 0
    damage: str = ""


def history(store: Store, most: int) -> list[Past]:
    """Earlier documents, newest first; of the bucket's versions the newest of each serial, at most so many read."""
    found: list[Past] = []
    seen: set[int] = set()
    for version in store.versions(most):
        past = _past(store, version)
        if past.serial is None or past.serial not in seen:
            found.append(past)
            seen |= {past.serial} if past.serial is not None else set()
    return sorted(found, key=lambda past: past.written, reverse=True)


def remembers(store: Store, lineage: str, most: int = 20) -> bool:
    """Whether one of the newest earlier documents here had this lineage: it was kept here, and is lost."""
    for version in store.versions(most):
        with contextlib.suppress(StateError):
            if load(store.version(version.id), f"version {version.id}").lineage == lineage:
                return True
    return False


def _past(store: Store, version: Version) -> Past:
    try:
        state = load(store.version(version.id), f"version {version.id}")
    except StateError as error:
        return Past(version.id, version.written, damage=error.message)
    return Past(
        version.id, version.written, state.serial, str(state.lease or ""), len(state.records), len(state.unfinished())
    )
