"""Finds objects of an environment that exist and are not recorded.

Teardown takes it into the graph before it begins. Swept after everything else, it would keep what is recorded from
going, and lose what it needs to go itself: a cluster its role.
"""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from livekit_deploy.engine.cloud import Cloud
from livekit_deploy.engine.recover import Recovery, kept
from livekit_deploy.engine.resource import Observed, Resource, Status
from livekit_deploy.engine.snapshot import Patient, Snapshot, once
from livekit_deploy.state.document import Record

#: gives the resources of the configuration, in the zones that records tell
Declared = Callable[[Mapping[str, Record]], Sequence[Resource]]


@dataclass(frozen=True)
class Look:
    """How the rest of an environment is looked for; ``tell`` is told of each kind or address that cannot be seen.

    ``declared`` gives the resources of the configuration, which tell the order in which what they account for goes.
    """

    declared: Declared = lambda records: ()
    patient: Patient = once
    tell: Callable[[str], None] = lambda text: None

    def unrecorded(self, cloud: Cloud, records: Mapping[str, Record]) -> dict[str, Record]:
        """The records of what carries our tags, and of what is in a recorded host, without one."""
        unseen = dict[str, str]()
        snapshot = Snapshot(cloud, self.patient, unseen)
        snapshot.scan(cloud.kinds.values())
        found: dict[str, Record] = {}
        resources = self.declared(records)
        if snapshot.untracked(kept(records, records, snapshot)) or any(
            _hidden(item, records, snapshot) for item in resources
        ):
            recovery = Recovery(cloud, cloud.kinds, records, patient=self.patient, unseen=unseen)
            every = recovery.everything(resources).records
            found = _acyclic({address: every[address] for address in every.keys() - records.keys()}, records)
        for what, why in unseen.items():
            self.tell(f"{what} cannot be listed, so more of it may exist than is known: {why}")
        return found


def _hidden(item: Resource, records: Mapping[str, Record], snapshot: Snapshot) -> bool:
    """Whether it may be there although no scan shows it: it is stored in a host that is there."""
    if item.address in records or not item.stored_in_host or isinstance(item, Observed) or item.lives_in is None:
        return False
    host = records.get(item.lives_in.address)
    live = snapshot.shown(host.kind, host.id) if host is not None else None
    return live is not None and live.status is not Status.DELETING


def _acyclic(found: dict[str, Record], records: Mapping[str, Record]) -> dict[str, Record]:
    """The same without what would make it go round in a circle with older records: what is recorded counts."""
    for loosened in (found, {a: replace(one, runtime_depends_on=()) for a, one in found.items()}):
        every = {**records, **loosened}
        try:
            graphlib.TopologicalSorter({a: (*one.deps, *one.runtime_depends_on) for a, one in every.items()}).prepare()
        except graphlib.CycleError:
            continue
        return loosened
    return {a: replace(one, deps=(), runtime_depends_on=(), lives_in=None) for a, one in found.items()}
