"""Decides whether an unchanged resource can be skipped while the plan is carried out."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from livekit_deploy.engine.differences import difference
from livekit_deploy.engine.resource import Live, Observed, Resource
from livekit_deploy.engine.run import Run
from livekit_deploy.engine.waits import PROPAGATION


def settled(run: Run, item: Resource, live: Live | None, visited: Collection[str]) -> bool:
    """Whether the record says what was read, and what this run has ``visited`` leaves the object as it was planned."""
    return live is not None and _recorded(run, item, live) and not _outdated(run, item, live, visited)


def _recorded(run: Run, item: Resource, live: Live) -> bool:
    record = run.session.record(item.address)
    return (
        record is not None
        and (record.id, record.stage) == (live.id, item.stage)
        and set(record.deps) == {other.address for other in item.dependencies()}
        and set(record.runtime_depends_on) == {other.address for other in item.runtime_depends_on}
    )


def _outdated(run: Run, item: Resource, live: Live, visited: Collection[str]) -> bool:
    """What others make is made again when that was for which it is made, as a load balancer with its Service; what
    refers to it then follows."""
    if not any(other.address in visited for other in item.dependencies()):
        return False
    record = run.session.record(item.address)
    if isinstance(item, Observed):
        read = partial(item.read, run.cloud, record.id if record else None)
        now = run.patient(item, read, run.waits.clock.now() + PROPAGATION, lambda _: None)
        return now is None or (now.id, now.status) != (live.id, live.status)
    return bool(difference(item.resolve(run.lookup), record, live, run.lookup))
