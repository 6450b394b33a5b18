"""Changes to a document outside of a run: restored, rebuilt, or with one record added or dropped.

Each is made from what was read, and written only if that is still there: what the user was shown is what is replaced.
Nobody's lease is taken: while a holder is alive nothing is changed, and one who takes the lease in between has the
compare-and-swap on their side. A document that cannot be read has no lease that counts, since its holder's next write
fails.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from livekit_deploy.errors import DeployError, LockedError, StateError
from livekit_deploy.state.conditional_write import swap
from livekit_deploy.state.document import Holder, Home, State, belongs, load
from livekit_deploy.state.lease import locked, remaining
from livekit_deploy.state.session import keep
from livekit_deploy.state.store import Mismatch, Store


@dataclass(frozen=True)
class Present:
    """What is stored now: ``state`` is None when there is no document, or when ``damage`` says what is wrong with it.

    ``serial`` is the highest that is known to have been used.
    """

    state: State | None = None
    etag: str | None = None
    damage: StateError | None = None
    serial: int = 0

    @property
    def counts(self) -> bool:
        """Whether it says of anything that it is ours; one that does not may be replaced by any of the environment."""
        return self.state is not None and bool(self.state.records)


def present(store: Store, home: Home) -> Present:
    """What is stored now. Raises `LockedError` while somebody holds the lease, `StateError` for another's document."""
    stored = store.get()
    if stored is None:
        return Present(serial=_last_serial(store))
    try:
        state = load(stored.body, store.location)
    except StateError as error:
        return Present(None, stored.etag, error, _last_serial(store))
    belongs(state, home, store.location)
    if state.lease is not None and (left := remaining(state, stored)) > 0:
        raise locked(state.lease, left, "run this again when it has ended")
    return Present(state, stored.etag, serial=state.serial)


def _last_serial(store: Store) -> int:
    return max((int(version.id) for version in store.versions(1) if version.id.isdigit()), default=0)


def whole(store: Store, home: Home) -> tuple[State, Present]:
    """The document that is stored now; raises as `present` does, and `StateError` when there is no whole one."""
    now = present(store, home)
    if now.damage is not None:
        raise now.damage
    if now.state is None:
        raise StateError(
            f"there is no document at {store.location}", hint="make one from the tags: livekit-deploy state rebuild"
        )
    return now.state, now


def saved(body: bytes, where: str, now: Present, home: Home) -> State:
    """The saved document in ``body``, which is to replace the present one; ``where`` names it in errors.

    Raises `StateError` for one that is damaged or belongs to another environment or lineage.
    """
    state = load(body, where)
    belongs(state, home, where)
    if now.state is not None and now.counts and now.state.lineage != state.lineage:
        raise StateError(
            f"{where} belongs to another state document (lineage {state.lineage}, here it is {now.state.lineage})",
            hint="check --env and the file; see what belongs here with: livekit-deploy state history",
        )
    return state


def replaced(
    store: Store, now: Present, state: State, holder: Holder, tell: Callable[[str], None] = lambda text: None
) -> State:
    """Write ``state`` in place of what is there ``now``, keep a copy in the history, and return what was written.

    That a copy could not be kept is told: what was asked for is done. Raises `LockedError` when somebody wrote
    meanwhile.
    """
    if now.etag is None:
        store.prepare()
    serial = max(state.serial, now.serial) + 1
    epoch = max(state.epoch, now.state.epoch if now.state else 0) + 1
    written = replace(state, serial=serial, epoch=epoch, lease=None, write=uuid.uuid4().hex)
    try:
        swap(store, written, now.etag, now.state, _pause)
    except Mismatch:
        raise LockedError(
            "somebody changed the state in between; nothing was written", hint="look again: livekit-deploy status"
        ) from None
    try:
        keep(store, written, holder)
    except DeployError as error:
        tell(f"the state is written, but the history has no copy of it: {error}")
    return written


def unlock(store: Store, seen: Holder) -> State:
    """Take the lease away from the holder that the user was shown; raises `LockedError` if it is another by now."""
    stored = store.get()
    if stored is None:
        raise StateError(f"there is no document at {store.location}", hint="check --env and state.bucket")
    state = load(stored.body, store.location)
    if state.lease is None or state.lease.id != seen.id:
        raise LockedError("somebody else took the lease in between; nothing was done", hint="look again: state unlock")
    freed = replace(state, lease=None, epoch=state.epoch + 1, write=uuid.uuid4().hex)
    try:
        swap(store, freed, stored.etag, state, _pause)
    except Mismatch:
        raise LockedError("the holder is alive and renewed the lease; nothing was done", hint="wait for it") from None
    return freed


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)
