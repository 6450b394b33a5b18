"""Brings one resource to its desired state: intent, one call, settle, record; likewise for deletion.

The process may die anywhere. What the next run then does follows from the record's phase and what `read` says:

    dies…                       record says        cloud says           next up                     next down
    before the intent           nothing            nothing              create                      nothing to do
    after it, before the call   creating + token   absent after grace   create with the same token  forget
    after the call              creating + token   present              take it over, continue      delete
    while waiting               made + id          pending / failed     wait / delete, make again   wait or delete
    around an update            updating           anything             diff again                  delete
    around a delete             deleting           deleting / absent    finish it, then create      finish, forget
"""

from __future__ import annotations

import contextlib
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from livekit_deploy.base.clock import utc_now
from livekit_deploy.base.timing import spent
from livekit_deploy.engine import inputs, ownership_tags
from livekit_deploy.engine.differences import difference
from livekit_deploy.engine.failures import REMADE_BY_HAND, Failing, has_run
from livekit_deploy.engine.ownership_tags import OWNERSHIP
from livekit_deploy.engine.plan import FieldDiff
from livekit_deploy.engine.remove import Removal
from livekit_deploy.engine.resource import Live, Observed, Resource, Status
from livekit_deploy.engine.run import STEP, Run, done, not_yet_propagated, passes
from livekit_deploy.engine.runtime_dependencies import wait_for_runtime_dependencies
from livekit_deploy.engine.waits import PROPAGATION, Expired
from livekit_deploy.errors import Absent, Blocked, Conflict, NotOurs, ResourceError, Unavailable
from livekit_deploy.state.document import Phase, Record

READY = Status.READY
_WHO_DELETES = "find out who, such as a controller or an audit of the cluster, and run the same command again"
MOST_STEPS = 3  # with the same diff: then AWS accepts a change that it does not make


class Reconciler:
    """One resource in progress; ``live`` is what the plan saw of it."""

    def __init__(self, run: Run, resource: Resource) -> None:
        self._run, self._waits, self._session = run, run.waits, run.session
        self._lookup = run.lookup
        self._planned = resource
        self._item = resource.resolve(run.lookup)
        self.address = resource.address
        self._began = run.waits.clock.now()
        self.verb = "create"
        self.changed = False

    # ---- up

    def up(self) -> Live:
        """Create or change until `read` is READY and no diff is left, then record it; returns what it became."""
        live = self._first_read()
        if live is not None and self._session.record(self.address) is None:
            live = self._item.taken_over(live)
        appears = isinstance(self._item, Observed) and self._session.record(self.address) is None
        self.verb = "create" if live is None or appears else "update"
        self.changed = appears
        self._run.started(self._item, self.address, self.verb)
        ran, made_here = has_run(self._item, self._session.record(self.address)), False
        steps: Counter[str] = Counter()
        while live is None or live.status is not READY or (diffs := self._differs(live)) or self._goes_on(live):
            self._waits.check()
            if live is None:
                self._made_again(steps)
                live, made_here = self._create(), True
            elif live.status is Status.DELETING:
                live = self._settle_gone(live)
            elif live.status is Status.STUCK or (live.status is Status.FAILED and (made_here or ran)):
                raise self._failing.failed(live.detail or "it failed", live, remedy=REMADE_BY_HAND if ran else "")
            elif live.status is Status.FAILED:
                self._take_away(self._session.record(self.address))
                live = None
            elif live.status is not READY or live.busy or (not diffs and live.cured_by_waiting):
                live = self._settle_ready()
            elif not diffs:
                raise self._failing.failed(live.warning, live)
            else:
                steps[text := repr(sorted(diffs.items()))] += 1
                if steps[text] > MOST_STEPS:
                    raise self._failing.failed(
                        "AWS accepted the change but does not show it, or somebody undoes it", live
                    )
                live = self._update(live, diffs)
        self._finish(live)
        return live

    def _made_again(self, steps: Counter[str]) -> None:
        """Count how often it was made. Raises `Failed` where it is gone again each time."""
        steps[""] += 1
        if steps[""] > MOST_STEPS:
            gone = Live("", Status.FAILED)
            raise self._failing.failed("somebody deletes it as soon as it exists", gone, remedy=_WHO_DELETES)

    @property
    def _failing(self) -> Failing:
        return Failing(self._run, self._item, self.verb)

    def _goes_on(self, live: Live) -> bool:
        """Whether what was begun has still to end: AWS works on it, or it has never been well yet."""
        record = self._session.record(self.address)
        begun = self.changed or (record is not None and record.phase is not Phase.READY)
        new = record is not None and record.phase in (Phase.CREATING, Phase.MADE)
        return (live.busy and begun) or (bool(live.warning) and new)

    def _differs(self, live: Live) -> dict[str, tuple[FieldDiff, ...]]:
        """What of a live object is not as wanted."""
        record = self._session.record(self.address)
        found = difference(self._item, record, live, self._lookup)
        return ownership_tags.with_tags(self._item, self._run.cloud, record, live, found)

    def _first_read(self) -> Live | None:
        record = self._session.record(self.address)
        id = record.id if record else None
        if record is not None and record.phase is Phase.CREATING and self._item.grace:
            return self._appears(id, self._item.grace)
        return self._read(id, within=PROPAGATION)

    def _read(self, id: str | None, *, within: float | None = None) -> Live | None:
        """What is there; for what passes meanwhile there is as much time as the resource has, or ``within`` seconds."""
        end = self._waits.clock.now() + (self._item.timeout if within is None else within)
        return self._run.patient(self._item, lambda: self._item.read(self._run.cloud, id), end, self._waiting)

    def _appears(self, id: str | None, seconds: float) -> Live | None:
        """Read until something shows, or ``seconds`` have passed: AWS may show a new object late."""
        with contextlib.suppress(Expired):
            return self._waits.settle(lambda: self._read(id), lambda live: live is not None, timeout=seconds)
        return None

    def _create(self) -> Live | None:
        record, wanted = self._session.record(self.address), self._desired()
        token = uuid.uuid4().hex
        generation = self._planned.generation
        if record is not None and record.phase is Phase.CREATING:
            generation = record.generation
            if record.token and dict(record.inputs) == wanted:
                token = record.token
        intent = replace(self._base(wanted), id=None, outputs={}, token=token, generation=generation)
        self._run.intend(self.address, intent)
        self.changed = True
        try:
            id = self._persist(lambda: self._item.create(self._run.cloud, token))
        except ResourceError as error:
            return self._after_refusal(error)
        return self._settle_made(replace(intent, phase=Phase.MADE, id=id))

    def _settle_made(self, made: Record) -> Live | None:
        """What is ready at once is recorded once, when it is finished; the id of all else is kept from here on."""
        live, whole = None, False
        try:
            live = self._item.read(self._run.cloud, made.id)
            whole = live is not None and self._is_whole(live)
        except ResourceError as error:
            if not (passes(error) or not_yet_propagated(self._item, error)):
                raise
        finally:
            if not whole:
                self._run.write({self.address: made})
        return live if whole else self._settle_ready()

    def _is_whole(self, live: Live) -> bool:
        return live.status is READY and not self._differs(live) and not self._goes_on(live)

    def _after_refusal(self, error: ResourceError) -> Live | None:
        """A create that did not answer well may have worked: look before believing it."""
        lost = not error.request_id or isinstance(error, Unavailable)
        if not (lost or isinstance(error, Conflict)):
            raise error
        grace = max(self._item.grace, STEP) if lost else 0.0
        live = self._appears(None, grace)
        if live is None:
            raise error
        return live

    def _update(self, live: Live, diffs: dict[str, tuple[FieldDiff, ...]]) -> Live | None:
        retagged = OWNERSHIP in diffs
        if refused := self._item.refusals(live, diffs.keys() - {OWNERSHIP}):
            raise Blocked(f"{self.address}: {', '.join(refused)} cannot change", hint=" ".join(refused.values()))
        record = self._session.record(self.address)
        ownership_tags.require(self._item, self._run.cloud, record, live)
        created = record is not None and record.phase in (Phase.CREATING, Phase.MADE)
        told = {key: diff for key, diff in diffs.items() if (key == OWNERSHIP if retagged else key in live.props)}
        base = self._base(dict(record.inputs) if record is not None else self._desired())
        phase = Phase.MADE if created else Phase.UPDATING
        intent_outputs = self._item.intent_outputs(self._desired())
        intent = replace(base, phase=phase, id=live.id, outputs={**base.outputs, **intent_outputs})
        self._run.intend(self.address, replace(intent, token=record.token if record else None))
        self.changed = True
        try:
            if retagged:
                self._persist(lambda: ownership_tags.put_back(self._item, self._run.cloud, live, diffs))
            else:
                self._persist(lambda: self._item.update(self._run.cloud, live, frozenset(diffs)))
        except (Absent, Conflict) as error:
            return self._after_contradiction(error, told)
        quiet = {key: self._desired()[key] for key in diffs if key not in told}
        if quiet and not retagged:  # what AWS does not tell is done once the call is accepted
            self._run.write({self.address: replace(intent, inputs={**intent.inputs, **quiet})})
        return self._settle_change(told)

    def _after_contradiction(self, error: ResourceError, told: dict[str, tuple[FieldDiff, ...]]) -> Live | None:
        """Sent again after a lost answer, a change meets what it has itself done: "not attached", "already there"."""
        live = self._settle_change(told)
        if live is None or not told or not self._moved(live, told):
            raise error
        return live

    def _settle_change(self, told: dict[str, tuple[FieldDiff, ...]]) -> Live | None:
        """Wait until the diff acted on is gone, or another state shows; give AWS a while to show it."""

        def moved(live: Live | None) -> bool:
            return live is None or live.status is not READY or live.busy or not told or self._moved(live, told)

        live: Live | None = None

        def read() -> Live | None:
            nonlocal live
            live = self._read(self._id())
            return live

        with contextlib.suppress(Expired):
            self._waits.settle(read, moved, timeout=STEP)
        return live

    def _moved(self, live: Live, told: dict[str, tuple[FieldDiff, ...]]) -> bool:
        now = self._differs(live)
        return any(now.get(key) != diff for key, diff in told.items())

    def _settle_ready(self) -> Live | None:
        def settled(now: Live | None) -> bool:
            if now is None:  # the API of a host shows at once what there is: somebody deleted it
                return self._item.stored_in_host
            ill = bool(now.warning) and now.cured_by_waiting and self._goes_on(now)
            if waits := now.status is Status.PENDING or now.busy or ill:
                self._waiting(now.warning or now.detail)
            return not waits

        wait_for_runtime_dependencies(self._run, self._planned, self.verb, self._waiting)
        end = self._waits.clock.now() + self._item.timeout
        try:
            return self._waits.settle(
                lambda: self._read(self._id(), within=end - self._waits.clock.now()),
                settled,
                timeout=self._item.timeout,
                usual=self._item.usual,
            )
        except Expired:
            seen = self._read(self._id(), within=0.0)
            raise self._failing.timed_out(seen, self._item.timeout) from None

    def _settle_gone(self, live: Live) -> Live | None:
        record = self._session.record(self.address) or self._base(self._desired())
        going = replace(record, phase=Phase.DELETING, id=live.id)
        self._take_away(going)
        return None

    def _take_away(self, record: Record | None) -> None:
        """Delete it, to make it again. Raises `NotOurs` for one that is not ours."""
        removal = Removal(self._run, self._item, record, keep=True)
        removal.down()
        if removal.kept is not None:
            raise NotOurs(f"{self.address} ({removal.kept.id}) stays: {removal.kept.why}", hint=removal.kept.hint)

    def _finish(self, live: Live) -> None:
        record = self._session.record(self.address)
        ready = replace(
            self._base(self._desired()),
            phase=Phase.READY,
            id=live.id,
            # what it does not tell any more, such as a tag that somebody took off, is as it was
            outputs={**(record.outputs if record else {}), **inputs.plain(live.outputs)},
            warning=live.warning,
            generation=record.generation if record else self._planned.generation,
            since=record.since if record and record.phase is Phase.READY else utc_now(),
            spent=spent() if self.changed or record is None else record.spent,
        )
        elapsed = self._run.elapsed(self._began)
        if ready != record:
            took = {f"{self._item.kind}.{self.verb}": round(spent().own, 1)} if self.changed else {}
            self._run.write({self.address: ready}, took)
        self._run.emit(done(self._item, self.verb, live.id, elapsed))

    # ---- small things

    def _desired(self) -> dict[str, Any]:
        return self._item.desired(self._lookup)

    def _base(self, wanted: dict[str, Any]) -> Record:
        planned, record = self._planned, self._session.record(self.address)
        return Record(
            phase=Phase.CREATING,
            kind=planned.kind,
            inputs=wanted,
            id=record.id if record else None,
            outputs=record.outputs if record else {},
            deps=tuple(sorted(other.address for other in planned.dependencies())),
            runtime_depends_on=tuple(sorted(other.address for other in planned.runtime_depends_on)),
            lives_in=planned.lives_in.address if planned.lives_in is not None else None,
            stage=planned.stage,
            since=utc_now(),
            generation=record.generation if record else planned.generation,
        )

    def _id(self) -> str | None:
        record = self._session.record(self.address)
        return record.id if record else None

    def _persist(self, call: Callable[[], Any]) -> Any:
        return self._run.persist(self._item, call)

    def _waiting(self, detail: str) -> None:
        self._run.progress(self._item, self.address, self.verb, detail, self._began)
