"""A session holds the lease on a state document and is its single writer; the lease is the fence.

Every write replaces the whole document if it is still the version that we wrote last. The lease is a field of that
same document. A holder that lost the lease has a stale version, so its intent cannot be written, and without an intent
no mutating call is made. On top of that `check`, which is asked right before each attempt of a call leaves, and again
once there is a connection for it, refuses when the lease, by a clock that also runs in sleep, has less left than one
call may take: no call begun under a valid lease is in flight when it ends.

What is left is a process that is stopped, or a kernel that holds the bytes back, between that last question and the
wire. What signed the request bounds it: AWS refuses a signature of more than five minutes (S3 15), and a cluster a
token of more than 15. Its intent is on record, so that whoever holds the lease by then finds what it made.

Group commit: workers hand their record changes to one writer thread and wait. While one PUT is in flight the next
changes gather and go out together, so ten workers pay for one PUT; no worker continues before the PUT that carries its
change is acknowledged. Any PUT renews the lease; the writer makes one by itself when none was needed for a while.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from livekit_deploy import errors
from livekit_deploy.base.clock import Elapsed
from livekit_deploy.events import Emit, LeaseTakenOver, LeaseWaiting, Notice, silent
from livekit_deploy.state.conditional_write import GOES_ON, swap
from livekit_deploy.state.document import Holder, Record, State, belongs, check, dump, load
from livekit_deploy.state.lease import locked, remaining
from livekit_deploy.state.limits import Limits
from livekit_deploy.state.store import Mismatch, Store

_ENDING = "the run is ending: no new work begins"
_LOST_RACE = 0.1  # seconds before the lease is asked for again when somebody else got it


#: real time, in which a lease runs: it also passes while this machine sleeps
boot_clock = Elapsed()


@dataclass
class _Batch:
    """Changes that go out in one PUT, and those who wait for it."""

    changes: dict[str, Record | None] = field(default_factory=dict)
    took: list[tuple[str, float]] = field(default_factory=list)
    asked: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    error: errors.DeployError | None = None


class Session:
    """Holds the lease from `acquire` to `release`; `state` is always the last acknowledged document.

    ``lost`` is set the moment the lease is known to be lost or the state cannot be written any more; waits end on it.
    """

    def __init__(self, store: Store, state: State, etag: str | None, holder: Holder, emit: Emit) -> None:
        self._store, self._etag, self._emit = store, etag, emit
        self.state, self.holder = state, holder
        self.lost = threading.Event()
        self.puts = 0
        self._renewed = boot_clock()
        self._limits = Limits(holder.seconds)
        self._turn = threading.Condition()
        self._batch = _Batch()
        self._closing = False
        self.failure: errors.DeployError | None = None  #: why nothing can be written any more
        self.unsaved = state  #: the document that should have been written then
        #: whether this session made the document
        self.fresh = etag is None
        self._first_serial = state.serial
        self._writer = threading.Thread(target=self._write_loop, name="state-writer", daemon=True)

    # ---- taking the lease

    @classmethod
    def acquire(
        cls,
        store: Store,
        holder: Holder,
        new: Callable[[], State],
        *,
        lock_timeout: float = 120.0,
        cancel: threading.Event | None = None,
        emit: Emit = silent,
    ) -> Session:
        """Take the lease, waiting up to ``lock_timeout`` real seconds for a holder who is alive.

        ``new`` gives the document where there is none yet. A lease whose document was not written for its length
        belongs to a dead holder and is taken over. Raises `LockedError` naming the holder, and `StateError` for a
        document that is damaged or another environment's.
        """
        started, stop, fresh = time.monotonic(), cancel or threading.Event(), new()
        while True:
            stored, state, etag = store.get(), fresh, None
            if stored is None:
                store.prepare()
            else:
                state, etag = load(stored.body, store.location), stored.etag
                belongs(state, fresh.home, store.location)
                if state.lease is not None and (left := remaining(state, stored)) > 0:
                    _wait_for(state.lease, left, stop, emit, late=time.monotonic() - started >= lock_timeout)
                    continue
            state = replace(state, account=state.account or fresh.account, region=state.region or fresh.region)
            session = cls(store, state, etag, holder, emit)
            if session._take():
                return session
            stop.wait(_LOST_RACE)

    def _take(self) -> bool:
        previous = self.state.lease
        try:
            self._commit(_written(self.state, lease=self.holder, epoch=self.state.epoch + 1), boot_clock())
        except errors.LostLease:
            return False
        if previous is not None:
            unfinished = self.state.unfinished()
            self._emit(LeaseTakenOver(holder=str(previous), since=previous.since, unfinished=unfinished))
        self._writer.start()
        return True

    # ---- what a run may ask

    def remaining(self) -> float:
        """Seconds of the lease that are surely left, by our own clock."""
        return self.holder.seconds - (boot_clock() - self._renewed)

    def over(self) -> bool:
        """Whether what still runs outside of this process must end: the lease is lost, or about to run out."""
        return self.lost.is_set() or self.remaining() < self._limits.last_moment

    def check(self, begun: float) -> None:
        """Let a mutating request leave, or raise `LostLease`.

        ``begun`` is `time.monotonic` at the first attempt of this call: an attempt that could end later than a
        call's bound after it is refused as well.
        """
        bound = self._limits.call
        if self.remaining() < bound:
            self._await_renewal(bound)
        if self._closing:
            raise errors.LostLease(_ENDING, hint=GOES_ON)
        if self.lost.is_set() or self.remaining() < bound:
            raise errors.LostLease(
                f"the lease on {self._store.location} has run out or was taken over",
                hint=GOES_ON,
            )
        if time.monotonic() - begun + self._limits.attempt > bound:
            raise errors.LostLease("a call to AWS took too long to be sent again", hint="run the same command again")

    def _await_renewal(self, bound: float) -> None:
        """After a stall the writer renews at once, unless somebody took the lease: see what comes of it."""
        with self._turn:
            self._turn.notify_all()
            self._turn.wait_for(
                lambda: self.lost.is_set() or self._closing or self.remaining() >= bound,
                timeout=self._limits.last_moment,
            )

    def record(self, address: str) -> Record | None:
        """The acknowledged record at an address."""
        return self.state.records.get(address)

    def intend(self, address: str, record: Record) -> None:
        """Write an intent; when this returns, the mutating call it announces may be made."""
        self.write({address: record})
        self._in_time()

    def confirm(self) -> None:
        """Write the document again; when this returns, nobody had taken the lease, and a mutating call may be made.

        For a call that follows another without an intent of its own: the clock does not tell of an `unlock`.
        """
        self.write({})
        self._in_time()

    def _in_time(self) -> None:
        if self.remaining() < self._limits.last_intent:
            raise errors.LostLease(
                "the state is written too slowly to hold the lease", hint="run the same command again"
            )

    def write(self, changes: Mapping[str, Record | None], took: Mapping[str, float] | None = None) -> None:
        """Write record changes (None drops one) and the seconds that something ``took``; return once acknowledged."""
        with self._turn:
            if self.failure is not None:
                raise self.failure
            if self._closing:
                raise errors.LostLease(_ENDING, hint=GOES_ON)
            batch = self._batch
            batch.changes.update(changes)
            batch.asked = True
            batch.took += (took or {}).items()
            self._turn.notify_all()
        batch.done.wait()
        if batch.error is not None:
            raise batch.error

    # ---- ending

    def release(self, in_flight: Callable[[], int] = int) -> None:
        """Write what is pending, give the lease up, and keep a copy of the document if its records changed.

        A store that does not answer any more fails no run whose records are written: the lease ends by itself. So it
        does where mutating calls are still ``in_flight``; that is asked once no further one can leave.
        """
        if self._closing:
            return
        self._stop_writer()
        self.lost.set()  # whoever is left behind waits no longer
        if self.failure is not None or in_flight():
            return
        try:
            self._commit(_written(self.state, lease=None), boot_clock())
            if self.state.serial != self._first_serial:
                keep(self._store, self.state, self.holder)
        except errors.LostLease:
            return
        except errors.DeployError as error:
            what = "the history has no copy of this run" if self.state.lease is None else "the lease ends by itself"
            way = f"; {error.hint}" if isinstance(error, errors.StateGone) else ""
            self._emit(Notice(level="warning", message=f"{what}: {error}{way}"))

    def abandon(self) -> None:
        """Stop renewing and leave the lease to run out: a mutating call may still be in flight."""
        self._stop_writer()

    def _stop_writer(self) -> None:
        with self._turn:
            self._closing = True
            self._turn.notify_all()
        self._writer.join()

    # ---- the writer

    def _write_loop(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(self._due, timeout=self._until_renewal())
                batch, self._batch = self._batch, _Batch()
                if self._closing and not batch.asked:
                    return
            try:
                self._put(batch)
            except errors.DeployError as error:
                return self._give_up(batch, error)
            except BaseException as error:
                self._give_up(
                    batch,
                    errors.StateError(
                        f"the state cannot be written: {error!r}",
                        hint="internal error: report it with what -vv prints",
                    ),
                )
                raise
            batch.done.set()
            with self._turn:
                self._turn.notify_all()

    def _give_up(self, batch: _Batch, error: errors.DeployError) -> None:
        """Nothing is written any more: whoever waits for a write, now or later, is told so."""
        with self._turn:
            self.failure = batch.error = self._batch.error = error
            late, self._batch = self._batch, _Batch()
            self.lost.set()
            self._turn.notify_all()
        batch.done.set()
        late.done.set()

    def _due(self) -> bool:
        return self._batch.asked or self._closing or self._until_renewal() == 0

    def _until_renewal(self) -> float:
        return max(0.0, self._renewed + self._limits.renew - boot_clock())

    def _put(self, batch: _Batch) -> None:
        """One PUT, tried again while the store fails and the lease still has time; what is final ends it at once.

        That is a lost lease, a document that is not there any more, and credentials that have run out: every intent is
        written before its call, so that the next run continues. Each attempt writes the same bytes, so that one whose
        answer was lost is known again.
        """
        self.unsaved = state = _written(self.state.with_records(batch.changes).with_durations(batch.took))
        began = boot_clock()
        while True:
            try:
                self._commit(state, began)
                return
            except (errors.LostLease, errors.StateGone, errors.CredentialsError):
                raise
            except errors.DeployError as error:
                if self.remaining() < self._limits.call:
                    raise _unwritten(error) from error
                self.lost.wait(self.holder.seconds / 90)

    def _commit(self, state: State, first: float) -> None:
        """Replace the document. The lease counts from before the request left, where nothing tells which of its
        attempts was written from before the ``first`` one."""
        check(state, self._store.location)
        self.puts, began = self.puts + 1, boot_clock()
        try:
            self._etag, found = swap(self._store, state, self._etag, self.state, self.lost.wait)
        except Mismatch:
            raise errors.LostLease(
                f"somebody else changed {self._store.location}", hint="see who with: livekit-deploy status"
            ) from None
        self.state, self._renewed = state, first if found else began


def _wait_for(lease: Holder, left: float, stop: threading.Event, emit: Emit, *, late: bool) -> None:
    """Let a while of somebody's lease pass. Raises `Interrupted`, and `LockedError` where it is too ``late``."""
    if stop.is_set():
        raise errors.Interrupted(
            "interrupted while waiting for the lease: nothing was changed", hint="run the same command again"
        )
    if late:
        raise locked(lease, left, "wait for it (--lock-timeout 2m)")
    emit(LeaseWaiting(holder=str(lease), since=lease.since, remaining_s=left))
    stop.wait(min(left + 0.1, 2.0))


def _unwritten(error: errors.DeployError) -> errors.StateError | errors.Denied:
    """Why nothing can be written any more; who may not write is told so."""
    answer = error if isinstance(error, errors.AnsweredError) else errors.StateError("")
    kind = errors.Denied if isinstance(error, errors.Denied) else errors.StateError
    return kind(
        f"the state cannot be written: {error}", code=answer.code, request_id=answer.request_id, hint=error.hint
    )


def _written(state: State, **changes: Any) -> State:
    """The document changed, and marked as one write of ours."""
    return replace(state, write=uuid.uuid4().hex, **changes)


def keep(store: Store, state: State, holder: Holder) -> None:
    """Put a copy of the document into its history, with whoever changed it as its holder."""
    store.archive(f"{state.serial}.json", dump(replace(state, lease=holder)))
