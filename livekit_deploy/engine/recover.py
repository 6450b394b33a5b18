"""Makes records from existing objects: all when the state is lost, or one for an object that is taken over."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from livekit_deploy.base.clock import utc_now
from livekit_deploy.engine import inputs, ownership_tags
from livekit_deploy.engine.cloud import Cloud
from livekit_deploy.engine.graph import ordered
from livekit_deploy.engine.inputs import Change, Ref
from livekit_deploy.engine.plan import UNKNOWN, unknown
from livekit_deploy.engine.resource import Found, Live, Observed, Resource, Status
from livekit_deploy.engine.snapshot import Patient, Snapshot, once
from livekit_deploy.errors import NotOurs, ResourceError
from livekit_deploy.state.document import Phase, Record

_PHASE = {
    Status.READY: Phase.READY,
    Status.PENDING: Phase.MADE,
    Status.FAILED: Phase.MADE,
    Status.STUCK: Phase.READY,
    Status.DELETING: Phase.DELETING,
}
_MADE_AGAIN = 8  # how often the objects that one other refers to may have been made again, all together


def record_of(item: Resource, live: Live, lookup: Callable[[Ref[Any]], Any], recorded: Iterable[str]) -> Record:
    """The record of an object that is there; ``recorded`` are the addresses that it may depend on.

    What the object tells is recorded as it is, so that a plan shows what differs. What it does not tell (a password,
    the version of a secret, a size that an autoscaler owns) is taken to be as it should.
    """
    found = {}
    for key, want in item.desired(lookup).items():
        told = key in live.props and item.inputs[key].change is not Change.CREATE_ONLY
        have = inputs.plain(live.props[key]) if told else want
        value = have if unknown(want) or item.differs(key, want, have) else want
        if not unknown(value):
            found[key] = value
    known = set(recorded)
    host = item.lives_in.address if item.lives_in is not None else None
    return Record(
        phase=_PHASE[live.status],
        kind=item.kind,
        inputs=found,
        id=live.id,
        outputs=inputs.plain(live.outputs),
        deps=tuple(sorted(other.address for other in item.dependencies() if other.address in known)),
        runtime_depends_on=tuple(sorted(other.address for other in item.runtime_depends_on)),
        lives_in=host if host in known else None,
        stage=item.stage,
        since=utc_now(),
        generation=item.generation,
    )


@dataclass(frozen=True)
class Recovered:
    """What was found: the records, which of them no resource of the configuration accounts for, and what is absent.

    ``unmarked`` are addresses at whose name something is that does not carry our tags.
    """

    records: Mapping[str, Record]
    surplus: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unmarked: tuple[str, ...] = ()


class Recovery:
    """Finds every object of these kinds with our tags and makes the records that a run would have left.

    What is ``recorded`` keeps its record. With ``unseen`` what cannot be read is passed over, and put there with why.
    """

    def __init__(
        self,
        cloud: Cloud,
        kinds: Mapping[str, type[Resource]],
        recorded: Mapping[str, Record] | None = None,
        *,
        patient: Patient = once,
        unseen: dict[str, str] | None = None,
    ) -> None:
        self._cloud, self._kinds, self._unseen = cloud, kinds, unseen
        self._snapshot = Snapshot(cloud, patient, unseen)
        self._recorded = dict(recorded or {})
        self._records: dict[str, Record] = dict(self._recorded)
        self._lives: dict[str, Live] = {}
        self._unmarked: list[str] = []
        #: addresses of hosts that do not answer
        self._closed: set[str] = set()
        #: addresses of which it is known how often they were made
        self._counted: set[str] = set()

    def everything(self, resources: Iterable[Resource]) -> Recovered:
        """The records of what is configured and there, and of what carries our tags without being configured."""
        self._snapshot.scan(self._kinds.values())
        absent = []
        for item in ordered(resources):
            if (known := self._recorded.get(item.address)) is not None:
                self._know(item, known)
                continue
            self._count(item)
            live = self._look(item)
            if live is None:
                absent += [] if item.address in self._unmarked else [item.address]
                continue
            self._lives[item.address] = live = item.taken_over(live)
            self._records[item.address] = record_of(item, live, self._value, self._records)
        return Recovered(self._records, self._surplus(), tuple(absent), tuple(self._unmarked))

    def _know(self, item: Resource, record: Record) -> None:
        item.generation = record.generation
        self._counted.add(item.address)
        if (live := self._snapshot.shown(record.kind, record.id)) is not None:
            self._lives[item.address] = live

    def _value(self, ref: Ref[Any]) -> Any:
        """The value of a reference, or that it is not known: what it refers to is not there."""
        live, record = self._lives.get(ref.address), self._recorded.get(ref.address)
        outputs = {**(record.outputs if record else {}), **(live.outputs if live else {})}
        return inputs.revive(outputs[ref.output]) if ref.output in outputs else UNKNOWN

    def _look(self, item: Resource) -> Live | None:
        if item.lives_in is not None:
            item.host = self._lives.get(item.lives_in.address)
            if item.stored_in_host and item.lives_in.address in self._closed:
                return None
        known = item.resolve(lambda ref: ref if unknown(value := self._value(ref)) else value)
        try:
            live = self._snapshot.look(known, None)
            if live is None and isinstance(item, Observed) and self._needs_are_there(item):
                live = known.read(self._cloud, known.create(self._cloud, ""))  # no call: it names what to look for
        except NotOurs:  # it has our name, and is somebody else's, or has lost its tags
            self._unmarked.append(item.address)
            return None
        except ResourceError as error:
            if self._unseen is None:
                raise
            self._unseen[item.address] = str(error)
            if item.stored_in_host and item.lives_in is not None:  # nothing else in it answers either
                self._closed.add(item.lives_in.address)
            return None
        return live

    def _needs_are_there(self, item: Resource) -> bool:
        return all(other.address in self._records for other in item.dependencies())

    def _count(self, item: Resource) -> None:
        """Find how often the objects were made that this one's name counts: until its name is one that is there."""
        declared = [item.__dict__[key] for key, one in item.inputs.items() if one.change is Change.IMMUTABLE]
        sources = {ref.address: ref.source for value in declared for ref in inputs.references(value)}
        open = [source for address, source in sources.items() if address not in self._counted]
        there = self._snapshot.addresses(item.kind)
        if not open or not there:
            return
        for made in _sums(len(open)):
            for source, more in zip(open, made, strict=True):
                source.generation = 1 + more
            if item.address in there:
                self._counted |= sources.keys()
                break
        else:
            for source in open:
                source.generation = 1
        for address in self._records.keys() & sources.keys():
            self._records[address] = replace(self._records[address], generation=sources[address].generation)

    # ---- what carries our tags, and is not configured (any more)

    def _surplus(self) -> tuple[str, ...]:
        untracked = self._snapshot.untracked(kept(self._records, self._recorded, self._snapshot))
        ids = {item.live.id for _, item in untracked}
        untracked.sort(key=lambda pair: len(_strings(pair[1].live.props) & (ids - {pair[1].live.id})))
        surplus = []
        for kind, item in untracked:
            address = item.address if item.address not in self._records else f"{item.address}@{item.live.id}"
            if address in self._records or (address != item.address and item.address not in self._recorded):
                continue
            record = self._recorded_stray(self._kinds[kind], item)
            declared = self._kinds[kind].recorded(item.address, record.inputs)
            if ownership_tags.kept(declared, self._cloud, record, item.live) is None:
                self._records[address] = record
                surplus.append(address)
        return tuple(surplus)

    def _recorded_stray(self, kind: type[Resource], item: Found) -> Record:
        """It depends on whatever its properties name."""
        named = _strings(item.live.props)
        deps = [a for a, r in self._records.items() if named & {r.id, *_strings(r.outputs)}]
        hosts = [a for a, r in self._records.items() if kind.host_kind and r.kind == kind.host_kind]
        return Record(
            phase=_PHASE[item.live.status],
            kind=kind.kind,
            inputs={key: inputs.plain(item.live.props[key]) for key in kind.inputs if key in item.live.props},
            id=item.live.id,
            outputs=inputs.plain(item.live.outputs),
            deps=tuple(sorted({*deps, *hosts[:1]})),
            lives_in=hosts[0] if hosts else None,
            since=utc_now(),
        )


def kept(addresses: Iterable[str], recorded: Mapping[str, Record], snapshot: Snapshot) -> dict[str, str | None]:
    """address → the id that it keeps; None for any, where nothing that is recorded was seen under its id."""
    known = {address: recorded[address] for address in addresses if address in recorded}
    seen = {address: one.id for address, one in known.items() if snapshot.shown(one.kind, one.id) is not None}
    return {address: seen.get(address) for address in addresses}


def _sums(count: int) -> Iterator[Sequence[int]]:
    """Every way to share out 0, then 1, then 2 … among so many, up to what is plausible."""
    for total in range(_MADE_AGAIN + 1):
        for cuts in itertools.combinations(range(total + count - 1), count - 1):
            edges = (-1, *cuts, total + count - 1)
            yield [after - before - 1 for before, after in itertools.pairwise(edges)]


def _strings(value: Any) -> set[str]:
    """Every text in a value, however deep."""
    if isinstance(value, Mapping):
        return set().union(*map(_strings, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return set().union(*map(_strings, value))
    return {value} if isinstance(value, str) and value else set()
