"""Draws the resource graph as text, Mermaid or SVG, with the longest chain highlighted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from livekit_deploy.engine.graph import Edges, closure, edges_up, longest_chain, ordered
from livekit_deploy.engine.resource import Resource
from livekit_deploy.render import escaping
from livekit_deploy.render.words import address_column, duration, wrapped

_BELOW = 6  # columns that what comes before is indented by where it has lines of its own


def drawn(resources: Sequence[Resource], form: str, width: int | None = None) -> str:
    """``text``, in ``width`` columns (None: as wide as it comes), ``mermaid`` or ``svg``."""
    order, chain = _in_order(resources)
    return _text(order, chain, width) if form == "text" else _FORMS[form](order, chain)


def as_json(resources: Sequence[Resource]) -> dict[str, Any]:
    """The same as plain values, in the order of work."""
    order, chain = _in_order(resources)
    found = [
        {
            "address": item.address,
            "stage": item.stage,
            "usual_s": item.usual,
            "after": sorted(dep.address for dep in item.dependencies()),
            "longest": item.address in chain,
        }
        for item in order
    ]
    return {"resources": found}


def _in_order(resources: Sequence[Resource]) -> tuple[list[Resource], set[str]]:
    """What comes first, first; and the addresses of the longest chain."""
    order = ordered(resources)
    return order, set(longest_chain(edges_up(order), {item.address: item.usual for item in order}))


def _text(order: Sequence[Resource], chain: set[str], width: int | None) -> str:
    lines = []
    column = address_column((escaping.line(item.address) for item in order), width)
    for item in order:
        mark = "*" if item.address in chain else " "
        deps = ", ".join(sorted(escaping.line(dep.address) for dep in item.dependencies()))
        after = f"after {deps}" if deps else ""
        line = f"{mark} {escaping.line(item.address):<{column}} {duration(item.usual):>6}"
        if width is None or len(line) + 2 + len(after) <= width:
            lines.append(f"{line}  {after}".rstrip())
        else:
            lines += [line, *(f"{' ' * _BELOW}{part}" for part in wrapped(after, width - _BELOW))]
    return "\n".join([*lines, "", "* on the longest chain"])


def _mermaid(order: Sequence[Resource], chain: set[str]) -> str:
    names = {item.address: f"n{number}" for number, item in enumerate(order)}
    lines = ["graph LR"]
    lines += [f'  {names[item.address]}["{_label(item.address)}"]' for item in order]
    lines += [f"  {names[dep.address]} --> {names[item.address]}" for item in order for dep in item.dependencies()]
    marked = ",".join(names[address] for address in names if address in chain)
    return "\n".join([*lines, "  classDef longest stroke-width:3px", f"  class {marked} longest"])


#: what Mermaid reads as more than text in a label; the sign of its own numbers comes first
_ENTITIES = {"#": 35, '"': 34, "<": 60, ">": 62, "`": 96, "&": 38}


def _label(address: str) -> str:
    """As the text of a node: Mermaid, "Flowcharts", entity codes to escape characters."""
    return escaping.line(address).translate({ord(sign): f"#{code};" for sign, code in _ENTITIES.items()})


_COLUMN, _ROW, _BOX, _HEIGHT, _MARGIN = 330, 34, 270, 24, 20
_STYLE = """
  text { font: 12px ui-monospace, monospace; fill: #1f2328; }
  rect { fill: #f6f8fa; stroke: #8c959f; }
  path { fill: none; stroke: #d0d7de; }
  .longest rect { fill: #fff8c5; stroke: #9a6700; stroke-width: 2; }
  path.longest { stroke: #9a6700; stroke-width: 2; }
"""


def _svg(order: Sequence[Resource], chain: set[str]) -> str:
    """Boxes in columns: each stands right of everything that it waits for."""
    places = _places(order)
    width = max((x for x, _ in places.values()), default=0) + _BOX + _MARGIN
    height = max((y for _, y in places.values()), default=0) + _HEIGHT + _MARGIN
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">', f"<style>{_STYLE}</style>"]
    for address, nearest in _nearest(edges_up(order)).items():
        for dep in nearest:
            lines.append(_edge(places[dep], places[address], {dep, address} <= chain))
    for item in order:
        x, y = places[item.address]
        kind = ' class="longest"' if item.address in chain else ""
        lines.append(f'<g{kind}><rect x="{x}" y="{y}" width="{_BOX}" height="{_HEIGHT}" rx="4"/>')
        shown = escaping.line(item.address)
        lines.append(f"<title>{escape(shown)}: usually {duration(item.usual)}</title>")
        lines.append(f'<text x="{x + 8}" y="{y + 16}">{escape(_fitted(shown))}</text></g>')
    return "\n".join([*lines, "</svg>"])


def _places(order: Sequence[Resource]) -> dict[str, tuple[int, int]]:
    column: dict[str, int] = {}
    rows: Counter[int] = Counter()
    found: dict[str, tuple[int, int]] = {}
    for item in order:
        at = 1 + max((column[dep.address] for dep in item.dependencies()), default=-1)
        column[item.address] = at
        found[item.address] = (_MARGIN + at * _COLUMN, _MARGIN + rows[at] * _ROW)
        rows[at] += 1
    return found


def _nearest(edges: Edges) -> dict[str, list[str]]:
    """The dependencies that no other dependency waits for already: the picture needs no more."""
    return {
        address: sorted(direct - closure((far for dep in direct for far in edges[dep]), edges))
        for address, direct in edges.items()
    }


def _edge(start: tuple[int, int], end: tuple[int, int], longest: bool) -> str:
    x1, y1, x2, y2 = start[0] + _BOX, start[1] + _HEIGHT // 2, end[0], end[1] + _HEIGHT // 2
    middle = (x1 + x2) // 2
    kind = ' class="longest"' if longest else ""
    return f'<path{kind} d="M{x1},{y1} C{middle},{y1} {middle},{y2} {x2},{y2}"/>'


def _fitted(text: str) -> str:
    most = (_BOX - 16) * 10 // 73  # a character of the fixed font is 7.3 wide
    return text if len(text) <= most else f"{text[: most - 1]}…"


_FORMS = {"mermaid": _mermaid, "svg": _svg}
