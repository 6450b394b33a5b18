"""The resource graph, drawn: as text in the order of work, as Mermaid, or as a picture; the longest chain is marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.sax.saxutils import escape

from livekit_deploy.engine.graph import ordered
from livekit_deploy.engine.resource import Resource
from livekit_deploy.render.words import address_column, duration, wrapped

_BELOW = 6  # columns that what comes before is indented by where it has lines of its own


def drawn(resources: Sequence[Resource], form: str, width: int | None = None) -> str:
    """``text``, in ``width`` columns (None: as wide as it comes), ``mermaid`` or ``svg``."""
    order = ordered(resources)
    chain = _longest(order)
    return _text(order, chain, width) if form == "text" else _FORMS[form](order, chain)


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


def _text(order: Sequence[Resource], chain: set[str], width: int | None) -> str:
    lines = []
    column = address_column((item.address for item in order), width)
    for item in order:
        mark = "*" if item.address in chain else " "
        deps = ", ".join(sorted(dep.address for dep in item.dependencies()))
        after = f"after {deps}" if deps else ""
        line = f"{mark} {item.address:<{column}} {duration(item.usual):>6}"
        if width is None or len(line) + 2 + len(after) <= width:
            lines.append(f"{line}  {after}".rstrip())
        else:
            lines += [line, *(f"{' ' * _BELOW}{part}" for part in wrapped(after, width - _BELOW))]
    return "\n".join([*lines, "", "* on the longest chain"])


def _mermaid(order: Sequence[Resource], chain: set[str]) -> str:
    names = {item.address: f"n{number}" for number, item in enumerate(order)}
    lines = ["graph LR"]
    lines += [f'  {names[item.address]}["{item.address}"]' for item in order]
    lines += [f"  {names[dep.address]} --> {names[item.address]}" for item in order for dep in item.dependencies()]
    marked = ",".join(names[address] for address in names if address in chain)
    return "\n".join([*lines, "  classDef longest stroke-width:3px", f"  class {marked} longest"])


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
    for item in order:
        for dep in _nearest(item):
            lines.append(_edge(places[dep.address], places[item.address], {dep.address, item.address} <= chain))
    for item in order:
        x, y = places[item.address]
        kind = ' class="longest"' if item.address in chain else ""
        lines.append(f'<g{kind}><rect x="{x}" y="{y}" width="{_BOX}" height="{_HEIGHT}" rx="4"/>')
        lines.append(f"<title>{escape(item.address)}: usually {duration(item.usual)}</title>")
        lines.append(f'<text x="{x + 8}" y="{y + 16}">{escape(_fitted(item.address))}</text></g>')
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


def _nearest(item: Resource) -> list[Resource]:
    """The dependencies that no other dependency waits for already: the picture needs no more."""
    direct = item.dependencies()
    through = {other.address for dep in direct for other in _before(dep)}
    return [dep for dep in direct if dep.address not in through]


def _before(item: Resource) -> list[Resource]:
    found: dict[str, Resource] = {}
    todo = list(item.dependencies())
    while todo:
        one = todo.pop()
        if one.address not in found:
            found[one.address] = one
            todo += one.dependencies()
    return list(found.values())


def _edge(start: tuple[int, int], end: tuple[int, int], longest: bool) -> str:
    x1, y1, x2, y2 = start[0] + _BOX, start[1] + _HEIGHT // 2, end[0], end[1] + _HEIGHT // 2
    middle = (x1 + x2) // 2
    kind = ' class="longest"' if longest else ""
    return f'<path{kind} d="M{x1},{y1} C{middle},{y1} {middle},{y2} {x2},{y2}"/>'


def _fitted(text: str) -> str:
    most = (_BOX - 16) * 10 // 73  # a character of the fixed font is 7.3 wide
    return text if len(text) <= most else f"{text[: most - 1]}…"


_FORMS = {"mermaid": _mermaid, "svg": _svg}
