"""The graph as people see it: everything is there, nothing points backwards, the longest chain is marked."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from livekit_deploy.config import load_environment
from livekit_deploy.engine.resource import Resource
from livekit_deploy.render.graph import drawn
from livekit_deploy.stack import stack
from tests.places import ROOT

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def resources() -> list[Resource]:
    return stack(load_environment(ROOT / "manifests" / "environments" / "uat.yaml", environ={}))


def test_the_picture_holds_every_resource_and_goes_from_left_to_right(resources: list[Resource]) -> None:
    root = ElementTree.fromstring(drawn(resources, "svg"))
    titles = {str(one.text).partition(":")[0] for one in root.iter(f"{_SVG}title")}
    assert titles == {item.address for item in resources}
    for path in root.iter(f"{_SVG}path"):
        start, end = (int(one) for one in re.findall(r"(\d+),\d+", path.attrib["d"])[::3])
        assert start < end
    boxes = [(one.attrib["x"], one.attrib["y"]) for one in root.iter(f"{_SVG}rect")]
    assert len(set(boxes)) == len(boxes)


@pytest.mark.parametrize("form", ["text", "mermaid", "svg"])
def test_the_control_plane_is_on_the_longest_chain(resources: list[Resource], form: str) -> None:
    said = drawn(resources, form)
    if form == "text":
        marked = {line.split()[1] for line in said.splitlines() if line.startswith("* ") and "/" in line}
    elif form == "mermaid":
        names = dict(re.findall(r'  (n\d+)\["(.*?)"\]', said))
        chosen = re.search(r"class (\S+) longest", said)
        assert chosen
        marked = {names[name] for name in chosen[1].split(",")}
    else:
        groups = ElementTree.fromstring(said).iter(f"{_SVG}g")
        marked = {str(g[1].text).partition(":")[0] for g in groups if g.get("class") == "longest"}
    assert "eks.cluster/main" in marked
    assert "elasticache" not in " ".join(marked)
