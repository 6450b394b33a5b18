"""Brings a saved document back: a rescue copy, or an earlier version. Never over a living holder."""

from __future__ import annotations

import uuid
from dataclasses import replace

from livekit_deploy.errors import LockedError, StateError
from livekit_deploy.state.document import State, dump, load
from livekit_deploy.state.session import lease_of
from livekit_deploy.state.store import Mismatch, Store


def restore(store: Store, body: bytes, where: str) -> State:
    """Replace the document by the one in ``body``, read from ``where``; returns what was written.

    Raises `StateError` for a damaged or foreign document, `LockedError` while somebody holds the lease.
    """
    saved = load(body, where)
    found, etag, newest = lease_of(store), None, saved
    if found is not None:
        newest, holder, remaining = found
        if holder is not None:
            raise LockedError(
                f"{holder} holds the lease for another {remaining:.0f} s; nothing was restored", hint="wait for it"
            )
        if newest.lineage != saved.lineage:
            raise StateError(
                f"{where} belongs to another state document (lineage {saved.lineage})",
                hint="check --env and the file",
            )
        stored = store.get()
        etag = stored.etag if stored else None
    else:
        store.prepare()
    serial = max(saved.serial, newest.serial) + 1
    restored = replace(saved, serial=serial, epoch=newest.epoch + 1, lease=None, write=uuid.uuid4().hex)
    try:
        store.put(dump(restored), etag)
    except Mismatch:
        raise LockedError("somebody wrote the state meanwhile; nothing was restored", hint="look again") from None
    return restored
