"""Hostile text in the graph, as picture, diagram and text: nothing of it is more than text."""

from __future__ import annotations

import random
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from livekit_deploy.render import escaping, graph
from tests.unit.render.hostile import BARE, FORGED, HOSTILE, Maker, on_screen


class Drawn:
    """As much of a resource as is drawn of one."""

    stage, runtime_depends_on, works_with = "livekit", (), ()

    def __init__(self, address: str, usual: float, before: list[Drawn]) -> None:
        self.address, self.usual, self._before = address, usual, before

    def dependencies(self) -> list[Drawn]:
        return self._before


def _graph(texts: list[str], seed: int) -> list[Any]:
    draw, made = random.Random(seed), list[Drawn]()
    for text in dict.fromkeys(texts):
        made.append(Drawn(text, draw.choice((1, 60)), draw.sample(made, draw.randrange(len(made) + 1))))
    return made


#: what there is in a picture of ours, and what each part may say
_PICTURE = {
    "svg": {"viewBox"},
    "style": set(),
    "g": {"class"},
    "path": {"class", "d"},
    "rect": {"x", "y", "width", "height", "rx"},
    "title": set(),
    "text": {"x", "y"},
}


@settings(max_examples=50, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_in_a_picture_it_is_only_text(texts: list[str], seed: int) -> None:
    resources = _graph(texts, seed)
    said = graph.drawn(resources, "svg")
    assert BARE.search(said) is None
    root = ElementTree.fromstring(said)
    for part in root.iter():
        assert set(part.attrib) <= _PICTURE[part.tag.rpartition("}")[2]]
        assert part.attrib.get("class", "longest") == "longest"
    titles = [str(one.text).rpartition(": usually ")[0] for one in root.iter() if one.tag.endswith("title")]
    assert sorted(titles) == sorted(escaping.line(one.address) for one in resources)


@settings(max_examples=50, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_in_a_diagram_it_is_only_text(texts: list[str], seed: int) -> None:
    """In Mermaid, which GitHub draws where it stands in a comment."""
    resources = _graph(texts, seed)
    said = graph.drawn(resources, "mermaid")
    assert BARE.search(said) is None
    node, edge = r'  n\d+\["(?:[^"<>`&#]|#\d+;)*"\]', r"  n\d+ --> n\d+"
    ours = rf"graph LR|{node}|{edge}|  classDef longest stroke-width:3px|  class [n\d,]+ longest"
    assert [line for line in said.split("\n") if not re.fullmatch(ours, line)] == []
    labels = re.findall(r'\["(.*)"\]$', said, re.MULTILINE)
    plain = [re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label) for label in labels]
    assert sorted(plain) == sorted(escaping.line(one.address) for one in resources)


@settings(max_examples=30, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
@pytest.mark.parametrize("form", ["text", "mermaid", "svg"])
def test_a_graph_on_a_screen_is_only_text(form: str, texts: list[str], seed: int) -> None:
    said = on_screen(lambda make, screen: screen.graph(_graph(texts, seed), form), Maker(texts, seed))
    assert BARE.search(said) is None
    assert FORGED.search(said) is None
