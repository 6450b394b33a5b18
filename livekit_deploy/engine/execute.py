"""Carries out a plan: creations and changes along the graph, then deletions against it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from livekit_deploy.base import call_log
from livekit_deploy.base.timing import Timing, Watch
from livekit_deploy.engine import inputs
from livekit_deploy.engine.cloud import ids
from livekit_deploy.engine.graph import Edges, closure, edges_up, inverse, recorded_edges, without
from livekit_deploy.engine.kinds import kind_of, recorded
from livekit_deploy.engine.ownership_tags import Kept
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.planner import Entry, Planned
from livekit_deploy.engine.reconcile import Reconciler
from livekit_deploy.engine.remove import Removal
from livekit_deploy.engine.resource import Live, Resource
from livekit_deploy.engine.run import Run
from livekit_deploy.engine.skipping import settled
from livekit_deploy.engine.unrecorded import Look
from livekit_deploy.engine.waits import PROPAGATION
from livekit_deploy.engine.walk import Outcome, walk
from livekit_deploy.errors import DeployError, ResourceError
from livekit_deploy.events import Done, ResourceFailed, Skipped
from livekit_deploy.state.document import Phase, Record

_Edges = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]


class Execution:
    """One plan being carried out under one lease; afterwards it knows what was created, updated and deleted."""

    def __init__(self, run: Run, planned: Planned, *, fail_fast: bool = False) -> None:
        cloud = run.cloud.knowing(ids(run.session.state.records))
        self._run, self._entries, self._fail_fast = replace(run, cloud=cloud), planned.entries, fail_fast
        self._planned, self._kinds = planned, cloud.kinds
        self._lives: dict[str, Live | None] = {a: entry.live for a, entry in planned.entries.items()}
        self.created: list[str] = []
        self.updated: list[str] = []
        self.deleted: list[str] = []
        #: what was to be deleted and stays, by address
        self.kept: dict[str, Kept] = {}
        self._over: Edges = {}
        self._dropping = threading.Lock()
        #: what is deleted and stays on record until the end of `down`, since others may make it again
        self._remembered: set[str] = set()
        self._goes = False
        self._visited: set[str] = set()
        #: what continues by itself at an address
        self.unfinished: dict[str, str] = {}
        #: what is wrong with what runs at an address, and what to do about it
        self.warnings: dict[str, tuple[str, str]] = {}
        #: where the time of each visited address went
        self.timings: dict[str, Timing] = {}
        self._ended: dict[str, float] = {}
        self._began = run.waits.clock.now()

    # ---- up

    def up(self) -> Outcome:
        """Create and change, then, if all of that went well, delete what is no longer wanted."""
        self._take_note()
        chosen = {change.address for change in self._planned.plan.all}
        wanted = {a: e for a, e in self._entries.items() if e.resource is not None and a in chosen}
        resources = [entry.resource for entry in wanted.values() if entry.resource is not None]
        outcome = self._walk(edges_up(resources), lambda address: self._apply(wanted[address]))
        drops = [a for a, e in self._entries.items() if e.resource is None and a in chosen and not e.change.unmarked]
        if outcome.clean and drops and not self._run.waits.cancel.is_set():
            return self._remove(drops)
        return outcome

    def _take_note(self) -> None:
        """Record outputs that somebody else changed, as what refers to them is planned with what was read; and what
        AWS says is wrong."""
        moved: dict[str, Record | None] = {}
        for address, entry in self._entries.items():
            record = self._run.session.record(address)
            if entry.change.action is Action.NOOP and record is not None and entry.live is not None:
                outputs = {**record.outputs, **inputs.plain(entry.live.outputs)}
                if (outputs, entry.live.warning) != (record.outputs, record.warning):
                    moved[address] = replace(record, outputs=outputs, warning=entry.live.warning)
        if moved:
            self._run.session.write(moved)

    def _apply(self, entry: Entry) -> None:
        item, address = entry.resource, entry.change.address
        assert item is not None
        if entry.change.unmarked:
            return
        if item.lives_in is not None:
            item.host = self._lives[item.lives_in.address]
        if entry.change.action is not Action.NOOP or not settled(self._run, item, entry.live, self._visited):
            self._visited.add(address)
            application = Reconciler(self._run, item)
            self._lives[address] = application.up()
            if application.changed:
                (self.created if application.verb == "create" else self.updated).append(address)
        live = self._lives[address]
        if live is not None and live.unfinished:
            self.unfinished[address] = live.unfinished
        if live is not None and (told := item.notice(live))[0]:
            self.warnings[address] = told

    # ---- down

    def down(self, look: Look | None = None) -> Outcome:
        """Delete everything that is recorded, backwards, and then what else of ours a ``look`` finds by then."""
        self._goes = True
        outcome = self._remove(list(self._run.session.state.records))
        if outcome.clean and self._remembered and not self._run.waits.cancel.is_set():
            again, self._remembered = sorted(self._remembered), set()
            outcome = self._remove(again, last=True)
        if not outcome.clean or look is None or self._run.waits.cancel.is_set():
            return outcome
        found = look.unrecorded(self._run.cloud.remembering(), self._run.session.state.records)
        self.take_in(found)
        return self._remove(found, last=True)

    def take_in(self, found: Mapping[str, Record]) -> None:
        """Record what is there without a record: from here on it is deleted as everything else is."""
        known = self._run.session.state.records
        if new := {address: record for address, record in found.items() if address not in known}:
            self._run.write(new)

    def abandon(self) -> None:
        """Forget what is stored in a host, and let what came after it come after what it needed itself."""
        records = self._run.session.state.records
        lost = {a: record for a, record in records.items() if self._kind(a, record).stored_in_host}
        after = {address: (record.deps, record.runtime_depends_on) for address, record in lost.items()}
        changes: dict[str, Record | None] = dict.fromkeys(lost)
        for address, record in records.items():
            if address not in lost and {*record.deps, *record.runtime_depends_on} & lost.keys():
                kept = tuple(other for other in record.runtime_depends_on if other not in lost)
                changes[address] = replace(record, deps=_through(record.deps, after), runtime_depends_on=kept)
        if changes:
            self._run.write(changes)

    def _remove(self, addresses: Iterable[str], *, last: bool = False) -> Outcome:
        """Delete these; ``last`` says that it is looked once more for what others have made again."""
        records = self._run.session.state.records
        doomed = {address: records[address] for address in addresses if address in records}
        untracked = [address for address in addresses if address not in records]
        hosts = self._hosts(doomed)
        edges = recorded_edges(records)
        self._over = edges
        edges = without(edges, [address for address in edges if address not in doomed])
        dying = {a: r.lives_in for a, r in doomed.items() if r.lives_in in doomed and self._kind(a, r).dies_with_host}
        self._loosen({address: doomed[address] for address in dying}, doomed)
        edges = without(edges, dying) | {address: set(edges) - set(dying) for address in untracked}
        children: dict[str, list[str]] = {}
        for child, host in dying.items():
            children.setdefault(str(host), []).append(child)
        return self._walk(edges, lambda address: self._delete(address, hosts, children.get(address, []), last))

    def _loosen(self, dying: Mapping[str, Record], doomed: Mapping[str, Record]) -> None:
        """Let what dies with its host depend on nothing else that goes: it goes last, and must not be left dangling."""
        kept = {
            address: tuple(other for other in record.deps if other not in doomed or other == record.lives_in)
            for address, record in dying.items()
        }
        loose = {a: replace(dying[a], deps=deps) for a, deps in kept.items() if deps != dying[a].deps}
        if loose:
            self._run.write(loose)

    def _kind(self, address: str, record: Record) -> type[Resource]:
        return kind_of(self._kinds, record.kind, address)

    def _hosts(self, doomed: Mapping[str, Record]) -> dict[str, Live | None]:
        """Every host of something doomed, read once: what lives in an absent host is absent with it."""
        records = self._run.session.state.records
        found: dict[str, Live | None] = {}
        for address in {record.lives_in for record in doomed.values() if record.lives_in}:
            record = records[address]
            host = recorded(self._kinds, record, address)
            found[address] = self._patiently(host, partial(host.read, self._run.cloud, record.id))
        return found

    def _patiently(self, item: Resource, read: Callable[[], Live | None]) -> Live | None:
        return self._run.patient(item, read, self._run.waits.clock.now() + PROPAGATION, lambda _: None)

    def _delete(self, address: str, hosts: Mapping[str, Live | None], children: list[str], last: bool) -> None:
        record = self._run.session.record(address)
        plain = address.partition("@")[0]
        kind = kind_of(self._kinds, record.kind if record else plain.partition("/")[0], plain)
        item = kind.recorded(plain, record.inputs if record else {})
        item.stage = self._stage_of(address, record)
        if record is not None and record.lives_in:
            item.host = hosts[record.lives_in]
            if item.host is None:
                self._run.write({address: None})
                self._gone_with_host(address)
                return
        if last and record and not self._patiently(item, partial(item.read_teardown, self._run.cloud, record.id)):
            self._drop([address], {})
            return
        twin = record is None or address != plain
        id = record.id if record else self._entries[address].change.id
        staying = sorted(self.kept.keys() & (closure([address], self._over) - {address}))
        removal = Removal(
            self._run,
            item,
            record,
            address=address,
            stray_id=id if twin else None,
            children=children,
            staying=staying,
            drop=self._remember if item.may_be_recreated and self._goes and not last else self._drop,
        )
        removal.down()
        if removal.kept is not None:
            self._keep(address, removal.kept, children)
            return
        if address not in self.deleted:
            self.deleted.append(address)
        for child in children:
            self._gone_with_host(child)

    def _keep(self, address: str, kept: Kept, children: Sequence[str]) -> None:
        """Leave it. Its record goes where it is surely somebody else's, or in `down` nowhere but in what goes too."""
        record = self._run.session.record(address)
        goes_anyway = self._goes and record is not None and self._kind(address, record).stored_in_host
        if record is not None and (goes_anyway or not kept.recorded):
            self._drop([*children, address], {})
        self.kept[address] = kept

    def _remember(self, gone: Sequence[str], took: Mapping[str, float]) -> None:
        """Keep the record of what was deleted, to know it again until the end of `down`."""
        record = self._run.session.record(gone[-1])
        if record is not None and record.phase is Phase.DELETING:
            self._remembered.add(gone[-1])
        else:
            self._drop(gone, took)

    def _drop(self, gone: Sequence[str], took: Mapping[str, float]) -> None:
        """Drop records; those that stay need what they name no more."""
        if not self.kept:
            self._run.write(dict.fromkeys(gone), took)
            return
        with self._dropping:
            changes: dict[str, Record | None] = dict.fromkeys(gone)
            records = self._run.session.state.records
            after = {one: (records[one].deps, records[one].runtime_depends_on) for one in gone if one in records}
            for address in self.kept.keys() & records.keys() - changes.keys():
                changes |= _loosened(address, records[address], after)
            self._run.write(changes, took)

    def _gone_with_host(self, address: str) -> None:
        self.deleted.append(address)
        stage = self._stage_of(address, None)
        self._run.emit(Done(address=address, verb="delete", stage=stage, id="", elapsed_s=0.0))

    def _stage_of(self, address: str, record: Record | None) -> str:
        entry = self._entries.get(address)
        return record.stage if record else entry.change.stage if entry else ""

    # ---- both

    def _walk(self, edges: Edges, visit: Any) -> Outcome:
        now, earlier = self._run.waits.clock.now, tuple(self._ended)

        def guarded(address: str) -> None:
            began = now()
            after = self._last_of(edges[address]) or self._last_of(earlier)
            watch = Watch(self._run.waits.clock, self._ended[after] if after else self._began, after)
            try:
                with call_log.made_for(address), watch.running():
                    visit(address)
            except DeployError as error:
                if isinstance(error, ResourceError) and not error.address:
                    error.address = address
                self._run.blocked.update(edges if self._fail_fast else closure([address], inverse(edges)))
                self._report(address, error, began)
                raise
            finally:
                self.timings[address] = watch.timing(address)
                self._ended[address] = now()

        outcome = walk(edges, guarded, cancel=self._run.waits.cancel, fail_fast=self._fail_fast)
        for address, because in outcome.skipped.items():
            self._run.emit(Skipped(address=address, because=because))
        return outcome

    def _last_of(self, addresses: Iterable[str]) -> str:
        """Which of these ended last, "" when none was visited."""
        return max((a for a in addresses if a in self._ended), key=lambda address: self._ended[address], default="")

    def _report(self, address: str, error: DeployError, began: float) -> None:
        entry = self._entries.get(address)
        self._run.emit(
            ResourceFailed(
                address=address,
                verb=entry.change.action.value if entry else "delete",
                stage=self._stage_of(address, None),
                message=error.message,
                hint=error.hint,
                likely=error.likely,
                code=str(getattr(error, "code", "")),
                request_id=getattr(error, "request_id", ""),
                elapsed_s=self._run.elapsed(began),
            )
        )


def _through(deps: Iterable[str], lost: _Edges) -> tuple[str, ...]:
    """The dependencies with each lost one replaced by its own, and by what it had to be gone before."""
    found: set[str] = set()
    todo, seen = list(deps), set[str]()
    while todo:
        address = todo.pop()
        if address not in lost:
            found.add(address)
        elif address not in seen:
            seen.add(address)
            todo += [*lost[address][0], *lost[address][1]]
    return tuple(sorted(found))


def _loosened(address: str, record: Record, gone: _Edges) -> dict[str, Record | None]:
    """The record without what is ``gone``, but with what that needed; none where what it lives in is."""
    if record.lives_in in gone:
        return {address: None}
    runtime_depends_on = tuple(one for one in record.runtime_depends_on if one not in gone)
    loose = replace(record, deps=_through(record.deps, gone), runtime_depends_on=runtime_depends_on)
    return (
        {address: loose}
        if set(loose.deps) != set(record.deps) or runtime_depends_on != record.runtime_depends_on
        else {}
    )
