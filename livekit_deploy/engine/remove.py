"""Deletes one resource: ask, poll, ask again until it is gone, then drop the record."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from livekit_deploy.base.timing import spent
from livekit_deploy.engine import ownership_tags
from livekit_deploy.engine.resource import Live, Resource, Status
from livekit_deploy.engine.run import STEP, Run, done, passes, repeats
from livekit_deploy.engine.waits import PROPAGATION, Expired
from livekit_deploy.errors import Absent, DeployError, InUse, NotOurs, ResourceError, TimedOut
from livekit_deploy.events import Kept
from livekit_deploy.state.document import Phase, Record

_SHOWN = 5  # of those that hold something


class _Stays(Exception):
    """It is left as it is."""

    def __init__(self, kept: ownership_tags.Kept) -> None:
        super().__init__(kept.why)
        self.kept = kept


class Removal:
    """One resource being deleted; ``keep`` leaves its record, for one that is made again.

    ``stray_id`` is the id of one that has no record, or a record at an ``address`` of its own beside that of another
    with the same tags; ``children`` are the addresses that die with it, and whose records go in the same write, which
    is ``drop``'s to make. What is not ours stays, and so does what ``staying`` ones hold: ``kept`` says why.
    """

    def __init__(
        self,
        run: Run,
        item: Resource,
        record: Record | None,
        *,
        keep: bool = False,
        address: str = "",
        stray_id: str | None = None,
        children: Sequence[str] = (),
        staying: Sequence[str] = (),
        drop: Callable[[Sequence[str], Mapping[str, float]], None] | None = None,
    ) -> None:
        self._run, self._item, self._record, self._keep = run, item, record, keep
        self._untracked = stray_id is not None
        self._id, self._children = (record.id if record else stray_id), children
        self._waits = run.waits
        self.address = address or item.address
        self._began = run.waits.clock.now()
        self.removed = False
        self._announced = False
        self._made = ""
        self._refused: ResourceError | None = None
        self._staying = staying
        self._drop = drop or (lambda gone, took: run.write(dict.fromkeys(gone), took))
        self.kept: ownership_tags.Kept | None = None

    def down(self) -> None:
        """Delete step by step until `read_teardown` shows nothing, then drop the record; or leave what is not ours."""
        self._run.started(self._item, self.address, "delete")
        before = self._record
        try:
            self._down(self._id)
        except _Stays as stays:
            self.kept = stays.kept
            if self._record != before and before is not None:
                self._run.write({self.address: before})
            self._run.emit(Kept(address=self.address, stage=self._item.stage, id=self.kept.id, why=self.kept.why))

    def _down(self, id: str | None) -> None:
        end = self._began + self._item.delete_timeout
        live = self._first_read(id)
        if live is not None:
            self._check(live)
            self._intend(live)
        while live is not None:
            self._waits.check()
            if self.removed and self._waits.clock.now() >= end:  # never before it was asked for
                raise self._out_of_time(live)
            begun = live.status is Status.DELETING
            if not begun:
                self._refused = self._step(live)
                begun = self._refused is None
            live = self._watch(live, end) if begun else self._after_refusal(live, end)
        if not self._keep and self._record is not None:
            took = {f"{self._item.kind}.delete": round(spent().own, 1)} if self.removed else {}
            self._drop((*self._children, self.address), took)
        self._run.emit(done(self._item, "delete", id or "", self._run.elapsed(self._began)))

    def _first_read(self, id: str | None) -> Live | None:
        def read() -> Live | None:
            return self._read(id, self._waits.clock.now() + PROPAGATION)

        if self._record is not None and self._record.phase is Phase.CREATING and self._item.grace:
            with contextlib.suppress(Expired):
                return self._waits.settle(read, lambda live: live is not None, timeout=self._item.grace)
            return None
        return read()

    def _check(self, live: Live) -> None:
        """Leave what is not ours, and what nobody can bring back while something that uses it stays."""
        if (kept := ownership_tags.kept(self._item, self._run.cloud, self._record, live)) is not None:
            raise _Stays(kept)
        if self._staying and self._item.kept_for_users:
            raise _Stays(self._used(live, "uses it"))

    def _used(self, live: Live, how: str) -> ownership_tags.Kept:
        names = ", ".join(self._staying)
        return ownership_tags.Kept(
            self.address, live.id, f"{names} stays and {how}", f"it can be deleted when {names} is gone: run down again"
        )

    def _intend(self, live: Live) -> None:
        """Announce the next step: no step goes by the word of an earlier one, as somebody may have taken the lease."""
        self._announced = True
        if self._record is None:
            return self._run.confirm()
        self._record = replace(self._record, phase=Phase.DELETING, id=live.id)
        self._run.intend(self.address, self._record)

    def _after_refusal(self, live: Live, end: float) -> Live | None:
        """Look once more a moment later: nothing has begun that could be watched."""
        self._waits.rest(self._began, end)
        return self._read(live.id, end)

    def _watch(self, before: Live, end: float) -> Live | None:
        """Poll until it is gone, or another step is due: it changed, or it shows no sign of going."""
        now, started = self._waits.clock.now, self._waits.clock.now()
        patience = getattr(self._item, "patience", None)
        shown, since = before.props, started

        def due(live: Live | None) -> bool:
            nonlocal shown, since
            if live is None:
                return True
            if live.status is Status.DELETING:
                self._progress(live.detail)
                if live.props != shown:
                    shown, since = live.props, now()
                return patience is not None and now() - since > patience
            return (live.props, live.status) != (before.props, before.status) or now() - started >= STEP

        left = max(1.0, end - now())
        usual = self._item.usual_delete
        try:
            live = self._waits.settle(lambda: self._read(before.id, end), due, timeout=left, usual=usual)
        except Expired:
            raise self._out_of_time(self._read(before.id, end) or before) from None
        if live is not None and live.status is Status.DELETING:  # patience is over: a step of the sweep
            self._step(live)
        return live

    def _read(self, id: str | None, end: float) -> Live | None:
        """What is left; until ``end`` what passes is borne."""
        try:
            live = self._run.patient(
                self._item, lambda: self._item.read_teardown(self._run.cloud, id), end, self._progress
            )
        except NotOurs:
            if id is not None and self._item.stored_in_host:
                raise  # it is the host that is not ours
            return None  # ours is gone, or was never made: what has its name is somebody else's
        twin = live is not None and self._untracked and live.id != self._id
        return None if twin or self._another(live) else live  # the one that is kept has the same tags

    def _another(self, live: Live | None) -> bool:
        """Whether somebody has made this one under the same id since: the one that was to go is gone."""
        made = live.made if live is not None else ""
        self._made = self._made or made
        return bool(made) and made != self._made

    def _step(self, live: Live) -> ResourceError | None:
        """Ask once for deletion; what is in use, not yet spread or not answered is asked again later."""
        self._check(live)
        if not self._announced:
            self._intend(live)
        self.removed, self._announced = True, False
        try:
            self._item.delete(self._run.cloud, live)
        except Absent:
            return None
        except ResourceError as error:
            if not (isinstance(error, InUse) or passes(error) or repeats(self._item, error)):
                raise
            if self._staying and isinstance(error, InUse):
                raise _Stays(self._used(live, f"holds it: {error.message}")) from error
            held = self._holders(live) if isinstance(error, InUse) else ()
            shown = "; ".join(held[:_SHOWN]) + (f"; and {len(held) - _SHOWN} more" if len(held) > _SHOWN else "")
            self._progress(f"held by {shown}" if held else str(error))
            return _held(error, held, shown) if held else error
        return None

    def _holders(self, live: Live) -> tuple[str, ...]:
        """Those that hold it, as far as they can be told: looking for them must not hide that it is held."""
        try:
            return tuple(self._item.blockers(self._run.cloud, live))
        except ResourceError:
            return ()

    def _progress(self, detail: str) -> None:
        self._run.progress(self._item, self.address, "delete", detail, self._began)

    def _out_of_time(self, live: Live) -> DeployError:
        refused = self._refused
        minutes = self._item.delete_timeout / 60
        held = isinstance(refused, InUse) and refused.blockers
        hint = "run down again: it continues from here"
        why = str(refused) if refused else (live.detail or live.status.value)
        return TimedOut(
            f"{self.address} was not gone within {minutes:.0f} minutes: {why}",
            address=self.address,
            verb="delete",
            code=refused.code if refused else "",
            request_id=refused.request_id if refused else "",
            hint=f"delete what uses it, or detach it there; then {hint}" if held else hint,
        )


def _held(error: ResourceError, holders: tuple[str, ...], shown: str) -> InUse:
    """The same refusal with the names of those that hold it."""
    return InUse(
        f"{error.message} Held by {shown}.",
        blockers=holders,
        code=error.code,
        request_id=error.request_id,
        hint=error.hint,
        likely=error.likely,
    )
