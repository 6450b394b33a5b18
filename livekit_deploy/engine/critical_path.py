"""Estimates how long an `up` from nothing takes: its longest chain, by earlier runs or usual durations."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from livekit_deploy.base.timing import Spent
from livekit_deploy.engine.graph import edges_up, longest_chain, ordered
from livekit_deploy.engine.plan import Action, Plan
from livekit_deploy.engine.resource import Resource
from livekit_deploy.state.document import State


@dataclass(frozen=True)
class Step:
    """One resource on the chain.

    ``seconds`` are the median of ``runs`` earlier ones of its kind, or what is usual where there are none; ``spent`` is
    where the time went when this one was last made, if that is known.
    """

    address: str
    seconds: float
    runs: int
    spent: Spent | None


def critical_seconds(plan: Plan, edges: Mapping[str, Iterable[str]]) -> float:
    """Seconds of the longest chain of changes, by what each usually takes."""
    done = (Action.DELETE,) if plan.command == "down" else (Action.CREATE, Action.UPDATE, Action.RESUME)
    weights = {change.address: change.usual_s if change.action in done else 0.0 for change in plan.all}
    return sum(weights[address] for address in longest_chain(edges, weights))


def expected_chain(resources: Iterable[Resource], state: State | None) -> list[Step]:
    """The longest chain of making these resources, first to last; ``state`` knows of earlier runs."""
    order = ordered(resources)
    steps = {item.address: _step(item, state) for item in order}
    chain = longest_chain(edges_up(order), {address: step.seconds for address, step in steps.items()})
    return [steps[address] for address in chain]


def _step(item: Resource, state: State | None) -> Step:
    took = state.durations.get(f"{item.kind}.create", ()) if state else ()
    record = state.records.get(item.address) if state else None
    seconds = round(statistics.median(took), 1) if took else item.usual
    return Step(item.address, seconds, len(took), record.spent if record else None)
