"""The resource graph, drawn: as indented text in the order of work, or as Mermaid."""

from __future__ import annotations

from collections.abc import Sequence

from livekit_deploy.engine.graph import ordered
from livekit_deploy.engine.resource import Resource
from livekit_deploy.render.words import duration


def drawn(resources: Sequence[Resource], form: str) -> str:
    """``text`` or ``mermaid``; the longest chain is marked in both."""
    order = ordered(resources)
    chain = _longest(order)
    return _mermaid(order, chain) if form == "mermaid" else _text(order, chain)


def _longest(order: Sequence[Resource]) -> set[str]:
    """The addresses on the chain that takes longest."""
    total: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for item in order:
        deps = [dep.address for dep in item.dependencies()]
        last = max(deps, key=lambda address: total[address], default=None)
        total[item.address] = item.usual + (total[last] if last else 0.0)
        before[item.address] = last
    found: set[str] = set()
    at = max(total, key=lambda address: total[address], default=None)
    while at is not None:
        found.add(at)
        at = before[at]
    return found


def _text(order: Sequence[Resource], chain: set[str]) -> str:
    lines = []
    for item in order:
        mark = "*" if item.address in chain else " "
        deps = ", ".join(sorted(dep.address for dep in item.dependencies()))
        lines.append(f"{mark} {item.address:<46} {duration(item.usual):>6}" + (f"  after {deps}" if deps else ""))
    return "\n".join([*lines, "", "* on the longest chain"])


def _mermaid(order: Sequence[Resource], chain: set[str]) -> str:
    names = {item.address: f"n{number}" for number, item in enumerate(order)}
    lines = ["graph LR"]
    lines += [f'  {names[item.address]}["{item.address}"]' for item in order]
    lines += [f"  {names[dep.address]} --> {names[item.address]}" for item in order for dep in item.dependencies()]
    marked = ",".join(names[address] for address in names if address in chain)
    return "\n".join([*lines, "  classDef longest stroke-width:3px", f"  class {marked} longest"])
