"""Repairs the state outside of a run: history, restore, rebuild, import, forget.

Every change comes in two parts, so that it can be shown before it is made: a `Proposal`, made from what is stored now,
and `carry_out`, which writes it if that is still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.lineages import lineages
from livekit_deploy.aws.kinds.ec2.vpc import Subnet
from livekit_deploy.aws.kinds.eks.cluster import Cluster
from livekit_deploy.aws.kinds.elasticache.subnet_groups import SubnetGroup
from livekit_deploy.config import Environment
from livekit_deploy.engine.differences import difference
from livekit_deploy.engine.graph import no_resource, ordered
from livekit_deploy.engine.inputs import Ref, revive
from livekit_deploy.engine.kinds import kind_of, named, recorded
from livekit_deploy.engine.plan import UNKNOWN, FieldDiff
from livekit_deploy.engine.recover import Recovery, record_of
from livekit_deploy.engine.resource import Live, Observed, Resource
from livekit_deploy.engine.unrecorded import Declared
from livekit_deploy.errors import NotOurs, StateError, UsageError
from livekit_deploy.state.document import Home, Record, State
from livekit_deploy.state.edit import Present, present, replaced, saved, whole
from livekit_deploy.state.history import Past, history, remembers
from livekit_deploy.state.holder import this_process
from livekit_deploy.state.store import Store

#: kinds of which an account has the same in every region: they do not tell where an environment is
_OF_NO_REGION = ("iam.", "route53.")


@dataclass(frozen=True)
class Proposal:
    """What would be written in place of ``now``.

    ``surplus`` are recorded addresses that the configuration does not know, ``absent`` configured ones of which nothing
    is there, ``unmarked`` ones at whose name something without our tags is, ``diffs`` what the next plan would change
    of the one object that is taken over. ``elsewhere`` is why the document that is made again may be a second one: ""
    where it is shown that there is no other.
    """

    now: Present
    state: State
    surplus: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unmarked: tuple[str, ...] = ()
    diffs: tuple[FieldDiff, ...] = ()
    elsewhere: str = ""

    @property
    def added(self) -> tuple[str, ...]:
        """Addresses that get a record."""
        return tuple(sorted(self.state.records.keys() - self._before.keys()))

    @property
    def dropped(self) -> tuple[str, ...]:
        """Addresses that lose their record."""
        return tuple(sorted(self._before.keys() - self.state.records.keys()))

    @property
    def changed(self) -> tuple[str, ...]:
        """Addresses whose record says something else afterwards."""
        both = self._before.keys() & self.state.records.keys()
        return tuple(sorted(a for a in both if _said(self._before[a]) != _said(self.state.records[a])))

    def summary(self) -> dict[str, Any]:
        """The same for a program, as plain values."""
        lists = {
            name: list(getattr(self, name)) for name in ("added", "changed", "dropped", "absent", "unmarked", "surplus")
        }
        return {**lists, "diffs": [asdict(diff) for diff in self.diffs]}

    @property
    def _before(self) -> dict[str, Record]:
        return dict(self.now.state.records) if self.now.state else {}


def _said(record: Record) -> Record:
    return replace(record, since="", token=None)


class Upkeep:
    """Care for the state of one environment; ``cloud`` reads, ``store`` is where the document lives."""

    def __init__(self, env: Environment, cloud: Cloud, store: Store) -> None:
        self._env, self._cloud, self._store = env, cloud, store

    # ---- look back and bring back

    def history(self, most: int = 20) -> list[Past]:
        """Earlier documents, newest first."""
        return history(self._store, most)

    def restore(self, path: Path) -> Proposal:
        """Bring back a saved document, such as a rescue copy."""
        try:
            body = path.read_bytes()
        except OSError as error:
            raise StateError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
        return self._restore(body, str(path))

    def restore_version(self, id: str) -> Proposal:
        """Bring back an earlier document: the serial of a run's copy, or a version id of the bucket."""
        return self._restore(self._store.version(id), f"version {id}")

    def _restore(self, body: bytes, where: str) -> Proposal:
        now = self._present()
        state = saved(body, where, now, self._home)
        if not now.counts and (marked := lineages(self._cloud)) and state.lineage not in marked:
            raise StateError(
                f"{where} has the lineage {state.lineage}, but the existing objects carry {', '.join(sorted(marked))}",
                hint="it is the state of an environment that is gone; run: livekit-deploy state rebuild",
            )
        return Proposal(now, state)

    # ---- rebuild

    def rebuild(self, declared: Declared, lineage: str | None = None) -> Proposal:
        """A document made from the tags alone; ``lineage`` says whose, where there is more than one.

        The zones of the resources follow from the subnets and the cluster that are there.

        Raises `StateError` when nothing carries the environment's tags, or more than one lineage does.
        """
        now = self._present()
        if now.state is not None and now.counts and lineage not in (None, now.state.lineage):
            raise StateError(
                f"the document at {self._store.location} is whole and has the lineage {now.state.lineage}",
                hint="run state rebuild without --lineage",
            )
        chosen = now.state.lineage if now.state is not None and now.counts else lineage or self._only_lineage()
        view = self._cloud.with_lineage(chosen).remembering()
        there = Recovery(view, named((Subnet, Cluster, SubnetGroup))).everything(())
        resources = declared(there.records)
        found = Recovery(view, view.kinds).everything(resources)
        if lineage is None and not now.counts and found.records and self._of_no_region(found.records.values()):
            some = ", ".join(sorted(found.records)[:3])
            raise StateError(
                f"in {self._env.region} only resources of {self._env.project}/{self._env.name} without a region "
                f"were found: {some}; the environment may be running in another region",
                hint=f"run this in its region; if it no longer exists there, confirm with --lineage {chosen}",
            )
        base = replace(now.state or State.new(**asdict(self._home)), lineage=chosen)
        state = replace(base, records=found.records)
        return Proposal(now, state, found.surplus, found.absent, found.unmarked, elsewhere=self._elsewhere(now, chosen))

    def _elsewhere(self, now: Present, lineage: str) -> str:
        """Why a document of this lineage may be in use in another place; "" where it is, or was, in this one."""
        here = now.damage is not None or (now.state is not None and now.state.lineage == lineage)
        if here or remembers(self._store, lineage):
            return ""
        return (
            f"nothing shows that the document of lineage {lineage} was ever at {self._store.location}: if it is "
            f"in use in another region, bucket or folder, both would change the same objects"
        )

    def _of_no_region(self, records: Iterable[Record]) -> bool:
        names = {record.kind for record in records if not record.kind.startswith(_OF_NO_REGION)}
        return all(issubclass(kind_of(self._cloud.kinds, name, name), Observed) for name in names)

    def _only_lineage(self) -> str:
        found = lineages(self._cloud)
        env = f"{self._env.project}/{self._env.name}"
        if not found:
            raise StateError(
                f"nothing in this account and region carries the tags of {env}: there is nothing to rebuild",
                hint=f"check --profile and region, or start over: livekit-deploy up --env {self._env.name}",
            )
        if len(found) > 1:
            told = ", ".join(f"{lineage} ({count} objects)" for lineage, count in sorted(found.items()))
            raise StateError(
                f"the objects of {env} belong to more than one state document: {told}",
                hint="say which one to rebuild: --lineage ID",
            )
        return next(iter(found))

    # ---- one record

    def take_over(self, resources: Sequence[Resource], address: str, id: str) -> Proposal:
        """Record the object ``id`` at a configured address.

        Raises `NotOurs` for one without the tags of that address, unless it is adopted; `StateError` when there is no
        such object, or something that it depends on has no record.
        """
        state, now = self._whole()
        item = next((item for item in _counted(resources, state) if item.address == address), None)
        if item is None:
            raise no_resource(address, (item.address for item in resources))
        if isinstance(item, Observed):
            raise UsageError(
                f"{address} is made by others and only observed: it cannot be imported",
                hint="run: livekit-deploy up, which records it",
            )
        missing = [other.address for other in item.dependencies() if other.address not in state.records]
        if missing:
            raise StateError(
                f"{address} depends on {missing[0]}, which has no record", hint=f"import {missing[0]} first, or run up"
            )
        live = self._read(self._cloud.with_lineage(state.lineage), item, id, state)

        def lookup(ref: Ref[object]) -> object:
            outputs = state.records[ref.address].outputs
            return revive(outputs[ref.output]) if ref.output in outputs else UNKNOWN

        record = record_of(item, live, lookup, state.records)
        diffs = tuple(diff for found in difference(item, record, live, lookup).values() for diff in found)
        return Proposal(now, replace(state, records={**state.records, address: record}), diffs=diffs)

    def _read(self, cloud: Cloud, item: Resource, id: str, state: State) -> Live:
        if item.lives_in is not None:
            host = state.records[item.lives_in.address]
            item.host = recorded(cloud.kinds, host, item.lives_in.address).read(cloud, host.id)
        live = item.read(cloud, id)
        if live is None or live.id != id:  # `read` goes on to the tags when there is nothing under the id
            raise StateError(f"there is no {item.kind} {id}", hint="check the id and the region")
        own = item.read(cloud, None)
        if (own is None or own.id != live.id) and item.address not in cloud.ownership.adopt:
            raise NotOurs(
                f"{item.kind} {id} does not carry our tags for {item.address} in {self._env.project}/{self._env.name}",
                hint=f"take it over with --adopt {item.address}; down will delete it then",
            )
        return live

    def forget(self, address: str) -> Proposal:
        """Drop a record and touch nothing else. Raises `StateError` while others depend on it."""
        state, now = self._whole()
        if address not in state.records:
            raise UsageError(f"{address} is not recorded", hint="see: livekit-deploy state list")
        users = sorted(a for a, r in state.records.items() if address in (*r.deps, r.lives_in))
        if users:
            raise StateError(
                f"{', '.join(users)} depend{'s' if len(users) == 1 else ''} on {address}",
                hint=f"forget {users[0]} first, or let down delete them in order",
            )
        kept = {other: record for other, record in state.records.items() if other != address}
        return Proposal(now, replace(state, records=kept))

    # ---- all

    def carry_out(self, proposal: Proposal, command: str) -> State:
        """Write it; raises `LockedError` when somebody wrote since it was made."""
        holder = this_process(command, float(self._env.state.lease_seconds))
        return replaced(self._store, proposal.now, proposal.state, holder, self._cloud.context.tell)

    @property
    def _home(self) -> Home:
        return Home(self._env.project, self._env.name, self._cloud.identity.account, self._env.region)

    def _present(self) -> Present:
        return present(self._store, self._home)

    def _whole(self) -> tuple[State, Present]:
        return whole(self._store, self._home)


def _counted(resources: Sequence[Resource], state: State) -> Iterator[Resource]:
    """The resources, each with how often it was made: the names of what depends on it count that."""
    for item in ordered(resources):
        if (record := state.records.get(item.address)) is not None:
            item.generation = record.generation
        yield item
