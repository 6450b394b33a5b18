"""Reads the lease in a document: who holds it, for how long, and what others are told."""

from __future__ import annotations

from livekit_deploy.errors import LockedError
from livekit_deploy.state.document import Holder, State, load
from livekit_deploy.state.store import Store, Stored


def remaining(state: State, stored: Stored) -> float:
    """Seconds that the lease lasts unless it is renewed, by the store's own clock; 0 or less when it is over."""
    return state.lease.seconds - stored.age if state.lease is not None else 0.0


def locked(lease: Holder, left: float, wait: str) -> LockedError:
    """Why somebody has to wait: who holds the lease, and for how long; ``wait`` says how they do."""
    return LockedError(
        f"{lease} has been changing this environment since {lease.since}; "
        f"its lease ends in {left:.0f} s unless it is renewed",
        hint=f"{wait}, or, if you are sure that run is dead, run: livekit-deploy state unlock",
    )


def lease_of(store: Store) -> tuple[State, Holder | None, float] | None:
    """The document, the live holder if there is one, and the seconds left; reads only."""
    stored = store.get()
    if stored is None:
        return None
    state = load(stored.body, store.location)
    left = remaining(state, stored)
    return state, state.lease if left > 0 else None, max(0.0, left)
