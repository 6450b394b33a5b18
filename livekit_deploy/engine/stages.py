"""The stages of an environment: which resources belong to each, and what a stage needs of earlier ones.

A stage can be applied alone. What it needs of an earlier one is read from the state, so that must be there already; and
what the configuration drops goes with the last stage that still holds on to it.

The help of the command line names the stages and must be quick: what works on them is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from livekit_deploy.errors import UsageError

if TYPE_CHECKING:
    from livekit_deploy.engine.graph import Edges
    from livekit_deploy.engine.resource import Resource
    from livekit_deploy.state.document import Record

#: in the order of work
STAGES = ("infrastructure", "load-balancer", "livekit")
_NAMED = 3


def require(resources: Iterable[Resource], records: Mapping[str, Record], stage: str) -> None:
    """Raise `UsageError` when an earlier stage has not made what ``stage`` needs, naming it and its step."""
    from livekit_deploy.state.document import Phase

    lacks: dict[str, set[str]] = {}
    mine = [item for item in resources if item.stage == stage]
    needed = {o.address: o.stage for item in mine for o in (*item.dependencies(), *item.runtime_depends_on)}
    for address, where in needed.items():
        record = records.get(address)
        if where != stage and (record is None or record.phase is not Phase.READY):
            lacks.setdefault(where, set()).add(address)
    if lacks:
        steps = [where for where in STAGES if where in lacks]
        told = "; ".join(f"the step {where} makes {_some(sorted(lacks[where]))}" for where in steps)
        raise UsageError(
            f"the step {stage} needs resources that do not exist yet: {told}",
            hint=f"first: livekit-deploy up --step {steps[0]}",
        )


def _some(addresses: list[str]) -> str:
    more = len(addresses) - _NAMED
    return ", ".join(addresses[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def last_stage(address: str, records: Mapping[str, Record], edges: Edges) -> str:
    """The latest stage among a record and everything that depends on it; ``edges`` are `recorded_edges`."""
    from livekit_deploy.engine.graph import closure

    stages = {records[one].stage for one in closure([address], edges)}
    return next((stage for stage in reversed(STAGES) if stage in stages), STAGES[-1])
