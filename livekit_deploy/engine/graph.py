"""The dependency graph: edges from references, topological order, and the reverse order for teardown."""

from __future__ import annotations

import difflib
import graphlib
from collections.abc import Iterable, Mapping, Sequence

from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import ConfigError, UsageError
from livekit_deploy.state.document import Record

Edges = dict[str, set[str]]


def ordered(resources: Iterable[Resource]) -> list[Resource]:
    """The resources so that each comes after what it depends on, and after what it depends on at run time.

    Raises `ConfigError` for a cycle, naming its path, and for two resources at one address.
    """
    every = list(resources)
    known = {id(item): item for item in every}
    before = {id(item): [*item.dependencies(), *item.runtime_depends_on] for item in every}
    edges = {key: [id(other) for other in others if id(other) in known] for key, others in before.items()}
    needed = [(item, other) for item in every for other in (*before[id(item)], *item.works_with)]
    missing = [(item, other) for item, other in needed if id(other) not in known]
    if missing:
        item, other = missing[0]
        raise ConfigError(f"{item!r} refers to {other!r}, which is not part of the stack", hint="add it to the stack")
    try:
        order = [known[key] for key in graphlib.TopologicalSorter(edges).static_order()]
    except graphlib.CycleError as error:
        path = " → ".join(known[key].name for key in error.args[1])
        raise ConfigError(f"the resources refer to each other in a circle: {path}", hint="remove one edge") from error
    seen: dict[str, Resource] = {}
    for item in order:
        if (twin := seen.setdefault(item.address, item)) is not item:
            raise ConfigError(f"two resources have the address {item.address}: {twin!r}, {item!r}", hint="rename one")
    return order


def edges_up(resources: Sequence[Resource]) -> Edges:
    """address → the addresses that must be ready before it."""
    return {item.address: {other.address for other in item.dependencies()} for item in resources}


def recorded_edges(records: Mapping[str, Record]) -> Edges:
    """address → the addresses that must be gone before it."""
    return inverse({address: (*record.deps, *record.runtime_depends_on) for address, record in records.items()})


def inverse(edges: Mapping[str, Iterable[str]]) -> Edges:
    """address → the addresses that come after it."""
    found: Edges = {address: set() for address in edges}
    for address, before in edges.items():
        for other in before:
            if other in found:
                found[other].add(address)
    return found


def needs(resources: Sequence[Resource]) -> Edges:
    """address → the addresses without which it is of no use: those before it, that outlive it, that it works with."""
    return {
        item.address: {other.address for other in (*item.dependencies(), *item.runtime_depends_on, *item.works_with)}
        for item in resources
    }


def closure(start: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """``start`` and everything that can be reached from it."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        address = todo.pop()
        if address not in found:
            found.add(address)
            todo += edges.get(address, ())
    return found


def longest_chain(edges: Mapping[str, Iterable[str]], weights: Mapping[str, float]) -> list[str]:
    """The addresses of the chain whose ``weights`` come to most, first to last; ``edges`` say what each comes after."""
    known = {address: [other for other in edges.get(address, ()) if other in weights] for address in weights}
    ends: dict[str, float] = {}
    before: dict[str, str | None] = {}

    def late(address: str) -> tuple[float, str]:
        return -ends[address], address  # of two that end together the same one in every process

    for address in graphlib.TopologicalSorter(known).static_order():
        last = min(known[address], key=late, default=None)
        ends[address] = weights[address] + (ends[last] if last is not None else 0.0)
        before[address] = last
    chain = []
    at = min(ends, key=late, default=None)
    while at is not None:
        chain.append(at)
        at = before[at]
    return chain[::-1]


def without(edges: Edges, left_out: Iterable[str]) -> Edges:
    """The graph without some nodes: what waited for one of them waits for what that one waited for."""
    kept = {address: set(before) for address, before in edges.items()}
    for gone in left_out:
        through = kept.pop(gone, set())
        for before in kept.values():
            if gone in before:
                before.discard(gone)
                before |= through
    return kept


def no_resource(address: str, addresses: Iterable[str]) -> UsageError:
    """What to raise for an address that is none of these, with the nearest one."""
    near = difflib.get_close_matches(address, list(addresses), n=1)
    hint = f"did you mean {near[0]}?" if near else "see the addresses with: livekit-deploy graph"
    return UsageError(f"no resource has the address {address}", hint=hint)
