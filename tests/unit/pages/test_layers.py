"""The picture of the layers in docs/architecture.md: it has every layer, and says of them what the contracts say."""

from __future__ import annotations

import itertools
import re
import tomllib
from typing import Any

import grimp

from tests.places import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
#: how a layer stands in the table, which leaves out what a reader never opens
_ROW = re.compile(r"`([a-z0-9_]+)(?:/|\.py)`")


def _contract(name: str) -> dict[str, Any]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return next(contract for contract in contracts if contract["name"] == name)


def _heights() -> dict[str, int]:
    """layer → how many layers are above it."""
    rows = enumerate(_contract("Layers: imports point down only")["layers"])
    return {layer.strip(): height for height, row in rows for layer in row.split("|")}


def _arrows() -> set[tuple[str, str]]:
    picture = re.search(r"```mermaid\nflowchart TD\n(.*?)```", PAGE, re.DOTALL)
    assert picture is not None
    chains = [[layer.strip() for layer in line.split("-->")] for line in picture[1].splitlines()]
    return {arrow for chain in chains for arrow in itertools.pairwise(chain)}


def _below(layer: str, arrows: set[tuple[str, str]]) -> set[str]:
    direct = {lower for upper, lower in arrows if upper == layer}
    return direct.union(*(_below(lower, arrows) for lower in direct))


def test_the_picture_has_every_layer_and_nothing_else() -> None:
    assert {layer for arrow in _arrows() for layer in arrow} == set(_heights())


def test_no_arrow_of_the_picture_points_up_or_sideways() -> None:
    heights = _heights()
    assert [arrow for arrow in sorted(_arrows()) if heights[arrow[0]] >= heights[arrow[1]]] == []


def test_every_import_follows_the_arrows() -> None:
    """A layer that imports another to which no arrows lead is a mistake of the picture."""
    graph, arrows = grimp.build_graph("livekit_deploy", cache_dir=None), _arrows()
    imports = {
        (module.split(".")[1], imported.split(".")[1])
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if module.count(".") and imported.count(".")
    }
    between = {(upper, lower) for upper, lower in imports if upper != lower}
    assert between
    assert [pair for pair in sorted(between) if pair[1] not in _below(pair[0], arrows)] == []


def test_the_table_tells_of_every_layer() -> None:
    section = PAGE.partition("## The layers")[2].partition("\n## ")[0]
    assert set(_ROW.findall(section)) >= set(_heights()) - {"__main__"}
