"""Makes the plan: desired against live state decides the action; the record tells who caused the difference."""

from __future__ import annotations

import contextlib
import graphlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from livekit_deploy.engine import inputs, ownership_tags
from livekit_deploy.engine.cloud import Cloud, ids
from livekit_deploy.engine.critical_path import critical_seconds
from livekit_deploy.engine.differences import difference
from livekit_deploy.engine.failures import REMADE_BY_HAND, has_run
from livekit_deploy.engine.graph import closure, edges_up, needs, no_resource, ordered, recorded_edges
from livekit_deploy.engine.inputs import Ref
from livekit_deploy.engine.kinds import kind_of, recorded
from livekit_deploy.engine.ownership_tags import OWNERSHIP
from livekit_deploy.engine.plan import GONE, UNKNOWN, Action, Plan, PlannedChange, compare
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.engine.snapshot import Patient, Snapshot, once
from livekit_deploy.engine.stages import STAGES, last_stage, require
from livekit_deploy.engine.unrecorded import Look
from livekit_deploy.errors import Denied, NotOurs
from livekit_deploy.state.document import Phase, Record, State

_STRAY = "it carries our tags, but is neither configured nor recorded"
_BUSY = {Phase.CREATING: "creation", Phase.MADE: "creation", Phase.UPDATING: "update", Phase.DELETING: "deletion"}


@dataclass(frozen=True)
class Entry:
    """What the plan knows of one address beyond what it shows: the resource, and the object as it was read."""

    change: PlannedChange
    resource: Resource | None
    live: Live | None
    outputs_known: bool


@dataclass(frozen=True)
class Planned:
    """The plan, and for the engine the entries behind it; ``found`` are records of what is there without one."""

    plan: Plan
    entries: Mapping[str, Entry]
    found: Mapping[str, Record] = field(default_factory=dict)


class Planner:
    """Plans one state against one list of resources; reads through ``cloud``, which should remember its reads."""

    def __init__(self, cloud: Cloud, state: State | None, digest: str, patient: Patient = once) -> None:
        self._digest, self._patient = digest, patient
        self._lineage = state.lineage if state else None
        self._serial = state.serial if state else 0
        self._records: Mapping[str, Record] = state.records if state else {}
        self._cloud = cloud.knowing(ids(self._records))
        self._entries: dict[str, Entry] = {}

    # ---- up

    def up(self, resources: Iterable[Resource], targets: Iterable[str] = (), stage: str = "") -> Planned:
        """What `up` would do; with ``targets`` only those addresses and what they need to work, with ``stage`` only
        what belongs to it. Raises `UsageError` when something is missing that the stage needs."""
        began, calls = time.monotonic(), self._cloud.calls
        order = ordered(resources)
        if stage:
            require(order, self._records, stage)
        for item in order:
            record = self._records.get(item.address)
            item.generation = record.generation if record else 1
        snapshot = self._look(order)
        for item in order:
            entry = self._entry(item, snapshot)
            self._entries[entry.change.address] = entry
        wanted = self._targeted(targets, needs(order))
        drops = [] if targets else self._drops(snapshot)
        changes = [entry.change for entry in self._entries.values() if entry.change.address in wanted]
        if stage:
            changes = [change for change in changes if change.stage == stage]
            drops = [change for change in drops if self._last_stage(change) == stage]
        plan = replace(self._plan("up", [*changes, *drops], began, calls), stage=stage)
        return Planned(replace(plan, critical_s=critical_seconds(plan, edges_up(order))), self._entries)

    def _targeted(self, targets: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
        chosen = [a for t in targets for a in self._entries if a == t or a.rpartition("-")[0] == t]
        if (missing := [t for t in targets if not any(a == t or a.rpartition("-")[0] == t for a in chosen)]) != []:
            raise no_resource(missing[0], self._entries)
        return closure(chosen, edges) if chosen else set(self._entries)

    def _look(self, order: list[Resource]) -> Snapshot:
        snapshot = Snapshot(self._cloud, self._patient)
        if self._lineage is not None:
            recorded = {kind_of(self._cloud.kinds, record.kind, address) for address, record in self._records.items()}
            snapshot.scan({type(item) for item in order} | recorded)
        free = [item for item in order if item.lives_in is None]
        snapshot.prefetch((item, self._id(item.address)) for item in free)
        for child in order:
            if child.lives_in is not None:
                seen = snapshot.look(child.lives_in, self._id(child.lives_in.address))
                child.host = _told(seen, self._records.get(child.lives_in.address))
        snapshot.prefetch((item, self._id(item.address)) for item in order if item.host is not None)
        return snapshot

    def _id(self, address: str) -> str | None:
        record = self._records.get(address)
        return record.id if record else None

    def _entry(self, item: Resource, snapshot: Snapshot) -> Entry:
        if item.lives_in is not None:
            item.host = self._entries[item.lives_in.address].live
        record = self._records.get(item.address)
        try:
            entry = self._judged(item, record, snapshot.look(item, record.id if record else None))
            if entry.live is not None and entry.change.action is not Action.NOOP:  # unless a list was behind
                entry = self._judged(item, record, snapshot.confirmed(item, record.id if record else None))
        except Denied:
            if (door := self._door(item)) is None:
                raise
            return self._behind(item, record, door)
        except NotOurs:
            if record is None or item.lives_in is None or not self._entries[item.lives_in.address].change.unmarked:
                raise
            # as it is on record: its host has lost our tags, and is not asked until it is adopted
            return self._judged(item, record, Live(record.id or "", Status.READY))
        return entry

    def _judged(self, item: Resource, record: Record | None, live: Live | None) -> Entry:
        if live is None and record is not None and record.phase is not Phase.CREATING:
            item.generation = record.generation + 1
        change, known = self._decide(item, record, live)
        return Entry(change, item, _told(live, record), known)

    def _door(self, item: Resource) -> str | None:
        """What the resource comes after and is about to change: it may be what lets us in."""
        addresses = (other.address for other in item.dependencies())
        return next((a for a in addresses if self._entries[a].change.action is not Action.NOOP), None)

    def _behind(self, item: Resource, record: Record | None, door: str) -> Entry:
        action = Action.CREATE if record is None else Action.RESUME
        reason = f"it can be read only after {door} has been changed"
        change = PlannedChange(item.address, action, item.stage, reason=reason, usual_s=item.usual)
        return Entry(change, item, None, False)

    def _decide(self, item: Resource, record: Record | None, live: Live | None) -> tuple[PlannedChange, bool]:
        base = PlannedChange(item.address, Action.NOOP, item.stage, id=live.id if live else "", usual_s=item.usual)
        if live is not None:
            warning, remedy = item.notice(live)
            base = replace(base, warning=warning, remedy=remedy)
        if live is None:
            if record is not None and record.phase is Phase.CREATING:
                return replace(base, action=Action.RESUME, reason="the run ended before it was made"), False
            gone = record is not None and record.phase is not Phase.DELETING
            diffs = tuple(
                diff
                for key, value in item.desired(self._lookup).items()
                if value is not None
                for diff in compare(key, None, value, "config")
            )
            created = replace(base, action=Action.CREATE, diffs=diffs, reason=GONE if gone else "")
            return self._foreseen(item, created), False
        lost = ownership_tags.missing(item, self._cloud, record, live) if record is not None else ()
        if lost and not ownership_tags.adopted(item, self._cloud, record, live):
            warning, remedy = ownership_tags.why_and_remedy(item, lost)
            return replace(base, unmarked=lost, warning=warning, remedy=remedy), live.status is Status.READY
        if live.status is Status.STUCK or (live.status is Status.FAILED and has_run(item, record)):
            reason = f"it needs manual action: {live.detail}"
            return replace(base, action=Action.RESUME, reason=reason, hint=live.remedy or REMADE_BY_HAND), False
        if live.status is Status.FAILED:
            reason = f"it failed ({live.detail}): it is deleted and made again"
            return replace(base, action=Action.RESUME, reason=reason, remakes=True), False
        if live.status is Status.DELETING:
            return replace(base, action=Action.RESUME, reason="it is being deleted; then it is made again"), False
        return self._differences(item, record, live, base), live.status is Status.READY

    def _foreseen(self, item: Resource, change: PlannedChange) -> PlannedChange:
        """BLOCKED where it would be refused, after much else was made."""
        with contextlib.suppress(Denied):  # whoever may not look is told by the call itself
            said, remedy = item.foreseen(self._cloud)
            if said:
                return replace(change, action=Action.BLOCKED, reason=f"it would be refused: {said}", hint=remedy)
            return replace(change, hint=change.hint or remedy)
        return change

    def _differences(self, item: Resource, record: Record | None, live: Live, base: PlannedChange) -> PlannedChange:
        diffs = difference(item, record, live, self._lookup)
        diffs = ownership_tags.with_tags(item, self._cloud, record, live, diffs)
        # also what is only known after apply: what would be the same again is known by now (`Resource.lasting`)
        refused = item.refusals(live, [key for key in diffs if key != OWNERSHIP])
        flat = tuple(diff for found in diffs.values() for diff in found)
        if refused:
            hint = " ".join(dict.fromkeys(refused.values()))
            waits = refused.keys() <= live.held.keys()
            reason = "it cannot be changed yet" if waits else "it cannot be changed in place"
            return replace(base, action=Action.BLOCKED, diffs=flat, hint=hint, reason=reason)
        if diffs:
            return self._foreseen(item, replace(base, action=Action.UPDATE, diffs=flat, hint=item.irrevocable(diffs)))
        resume = partial(replace, base, action=Action.RESUME)
        if record is None:
            return resume(reason="it exists with our tags but is not recorded; it will be taken over")
        if record.phase is not Phase.READY:
            return resume(reason=f"its {_BUSY[record.phase]} started but did not finish; it will continue")
        if live.status is Status.PENDING:
            return resume(reason=f"it is not ready yet: {live.detail or 'pending'}")
        return replace(base, reason=live.unfinished)

    def _lookup(self, ref: Ref[Any]) -> Any:
        entry = self._entries.get(ref.address)
        if entry is None:
            return UNKNOWN
        if entry.live is None:
            return self._again(ref)
        record = self._records.get(ref.address)
        if entry.change.action is Action.UPDATE and ref.output in ref.source.renewed:
            back = ref.output in ref.source.regained and all(diff.origin == "drift" for diff in entry.change.diffs)
            return record.outputs.get(ref.output, UNKNOWN) if back and record is not None else UNKNOWN
        if ref.output in entry.live.outputs:
            return entry.live.outputs[ref.output]
        if record is not None and entry.outputs_known and ref.output in record.outputs:
            return inputs.revive(record.outputs[ref.output])
        return UNKNOWN

    def _again(self, ref: Ref[Any]) -> Any:
        """The output of something that is made again, where that is the same again."""
        source, output = ref.source, ref.output
        for address, record in self._records.items():
            if record.kind == source.kind and output in record.outputs and source.lasts(output, address):
                return inputs.revive(record.outputs[output])
        return UNKNOWN

    # ---- what goes

    def _drops(self, snapshot: Snapshot) -> list[PlannedChange]:
        dropped = {address: record for address, record in self._records.items() if address not in self._entries}
        changes = [self._no_longer(address, snapshot) for address in dropped]
        kept = {address: entry.live.id if entry.live else None for address, entry in self._entries.items()}
        kept |= {address: record.id for address, record in dropped.items()}
        untracked = [] if self._lineage is None else snapshot.untracked(kept)
        return [*_in_order(changes, self._records), *(self._untracked(kind, item) for kind, item in untracked)]

    def _no_longer(self, address: str, snapshot: Snapshot) -> PlannedChange:
        """Its deletion; or nothing, where what is there is not ours to delete."""
        record, change = self._records[address], self._drop(address, "it is no longer part of the configuration")
        item = recorded(self._cloud.kinds, record, address)
        host = self._entries.get(record.lives_in) if record.lives_in else None
        item.host = host.live if host is not None else None
        if record.id is None or (record.lives_in and item.host is None):
            return change
        with contextlib.suppress(Denied):  # whoever may not look is told by the deletion itself
            live = snapshot.look(item, record.id)
            if live is not None and (kept := ownership_tags.kept(item, self._cloud, record, live)) is not None:
                lost = ownership_tags.missing(item, self._cloud, record, live)
                change = replace(change, action=Action.NOOP, unmarked=lost, warning=kept.why, remedy=kept.hint)
                self._entries[address] = replace(self._entries[address], change=change)
        return change

    def _last_stage(self, drop: PlannedChange) -> str:
        """When it may go: what is not recorded goes last, since nothing tells who uses them."""
        if drop.address not in self._records:
            return STAGES[-1]
        return last_stage(drop.address, self._records, recorded_edges(self._records))

    def _drop(self, address: str, reason: str) -> PlannedChange:
        record = self._records[address]
        kind = kind_of(self._cloud.kinds, record.kind, address)
        change = PlannedChange(
            address, Action.DELETE, record.stage, reason=reason, id=record.id or "", usual_s=kind.usual_delete
        )
        self._entries[address] = Entry(change, None, None, False)
        return change

    def _untracked(self, kind: str, item: Found) -> PlannedChange:
        address = item.address if item.address not in self._entries else f"{item.address}@{item.live.id}"
        change = PlannedChange(
            address,
            Action.DELETE,
            "infrastructure",
            reason=_STRAY,
            id=item.live.id,
            usual_s=self._cloud.kinds[kind].usual_delete,
        )
        self._entries[address] = Entry(change, None, item.live, False)
        return change

    # ---- down

    def down(self, look: Look | None = None) -> Planned:
        """What `down` would do: the graph of what is recorded and of what else is there, backwards.

        Needs no configuration; without ``look`` it reads nothing.
        """
        began, calls = time.monotonic(), self._cloud.calls
        found: Mapping[str, Record] = {}
        if look is not None and self._lineage is not None:
            found = look.unrecorded(self._cloud, self._records)
        reasons = {**dict.fromkeys(self._records, ""), **dict.fromkeys(found, _STRAY)}
        self._records = records = {**self._records, **found}
        changes = [self._drop(address, reason) for address, reason in reasons.items()]
        plan = self._plan("down", _in_order(changes, records), began, calls)
        return Planned(replace(plan, critical_s=critical_seconds(plan, recorded_edges(records))), self._entries, found)

    def _plan(self, command: str, changes: list[PlannedChange], began: float, calls: int) -> Plan:
        return Plan(
            command=command,
            lineage=self._lineage,
            serial=self._serial,
            digest=self._digest,
            all=tuple(changes),
            calls=self._cloud.calls - calls,
            seconds=round(time.monotonic() - began, 2),
        )


def _told(live: Live | None, record: Record | None) -> Live | None:
    """An object with the outputs on record that it does not tell any more, such as a tag that somebody took off."""
    if live is None or record is None or live.status is not Status.READY:
        return live
    recorded = {key: inputs.revive(value) for key, value in record.outputs.items()}
    return replace(live, outputs={**recorded, **live.outputs})


def _in_order(changes: list[PlannedChange], records: Mapping[str, Record]) -> list[PlannedChange]:
    """Deletes so that what depends on another goes first; the same records give the same order in every process."""
    fixed = {address: sorted(before) for address, before in sorted(recorded_edges(records).items())}
    rank = {address: number for number, address in enumerate(graphlib.TopologicalSorter(fixed).static_order())}
    return sorted(changes, key=lambda change: rank.get(change.address, -1))
