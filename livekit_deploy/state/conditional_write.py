"""One write of a document, whose outcome is checked in the store and not only in its answer.

An answer may be lost, come from a proxy, or be a refusal of a second copy of a request that was written: each write
carries an id of its own, by which it is found again before anything is said or done.
"""

from __future__ import annotations

from collections.abc import Callable

from livekit_deploy.errors import DeployError, StateError, StateGone
from livekit_deploy.state.document import State, dump, load
from livekit_deploy.state.history import history
from livekit_deploy.state.store import Mismatch, Store

AGAIN = (0.1, 0.2, 0.4, 0.8)  # seconds before each further attempt when the store refuses though nobody wrote


def swap(
    store: Store,
    state: State,
    expected: str | None,
    before: State | None,
    pause: Callable[[float], object],
) -> tuple[str, bool]:
    """Write ``state`` in place of the version ``expected``, which is ``before``.

    Returns the version that it became, and whether that was found by looking: any attempt may have written it then.
    ``pause`` lets seconds pass before another attempt. Raises `Mismatch` when somebody else wrote, `StateGone` when
    somebody deleted or spoilt the document, and the store's own error when nothing shows that it was written.
    """
    body, pauses = dump(state), iter(AGAIN)
    while True:
        failed: DeployError | None = None
        try:
            return store.put(body, expected), False
        except Mismatch:
            pass
        except DeployError as error:
            failed = error
        try:
            written, expected = _look(store, state, expected, before)
        except StateGone:
            raise
        except DeployError as error:
            raise _untold(failed, error) if failed is not None else error from None
        if written is not None:
            return written, True
        if failed is not None:
            raise failed
        wait = next(pauses, None)
        if wait is None:
            raise StateError(f"{store.location} keeps asking to try again", hint=GOES_ON)
        pause(wait)  # S3 refuses with 409 while another request is in progress


def _untold(failed: DeployError, unseen: DeployError) -> DeployError:
    """What the write was answered; where that leaves open whether it was written, and nobody can look, that too."""
    if not isinstance(failed, StateError):
        return failed
    message = f"{failed}; it cannot be checked whether it was written all the same: {unseen}"
    return StateError(message, code=failed.code, request_id=failed.request_id, hint=failed.hint)


def _look(store: Store, state: State, expected: str | None, before: State | None) -> tuple[str | None, str | None]:
    """(the version that our write became, or None where nobody wrote; the version that is there)"""
    current = store.get()
    if current is None:
        if expected is None:
            return None, None
        raise _lost(store, state.env, f"somebody deleted {store.location}")
    if current.etag == expected:
        return None, expected
    try:
        there = load(current.body, store.location).write
    except StateError as error:
        raise _lost(store, state.env, str(error)) from error
    if there == state.write:
        return current.etag, current.etag
    if before is not None and there == before.write:  # a store may tell a version otherwise on PUT than on GET
        return None, current.etag
    raise Mismatch


def _lost(store: Store, env: str, what: str) -> StateGone:
    """The document is not there any more: that is final, and what is still known of it is named."""
    rebuild = f"livekit-deploy state rebuild --env {env}"
    try:
        whole = [past for past in history(store, _LOOKED_AT) if not past.damage]
        last = max(whole, key=lambda past: (past.serial or 0, past.written), default=None)
    except DeployError:
        last = None
    if last is None:
        return StateGone(what, hint=rebuild)
    restore = f"livekit-deploy state restore --env {env} --version {last.id}"
    return StateGone(f"{what}; the last whole version is {last.id}, of {last.written}", hint=f"{restore}, or {rebuild}")


_LOOKED_AT = 3  # copies of runs, and versions of the bucket, the newest of which may be what spoilt it
GOES_ON = "run the same command again: it continues from what is recorded"
