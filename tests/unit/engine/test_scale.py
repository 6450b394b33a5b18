"""Thousands of resources: what is written is still plain JSON, and what is done grows with their number only."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

from livekit_deploy.render import plans
from livekit_deploy.state.document import Holder, Phase, Record, State, dump, load
from tests.bench.scale import ManyResources, graph


def test_the_text_of_the_document_is_that_of_plain_json() -> None:
    """It is put together from the texts of the records, whatever these hold."""
    inputs = {"x": [1, {"y": '\n "records": {}\n "write": '}], "empty": {}, "list": []}
    odd = Record(Phase.READY, "a.b", inputs, id="z", deps=("a.b/c",))
    state = State.new("p", "e")
    full = replace(
        state,
        records={"a.b/z": odd, "a.b/c": Record(Phase.CREATING, "a.b", {})},
        lease=Holder("i", "u", "h", 1, "up", "2026-01-01T00:00:00Z", 90.0),
        durations={"k": (1.0, 2.0)},
    )
    for one in (state, full):
        text = json.dumps(asdict(one), indent=1, sort_keys=True) + "\n"
        whole = {**asdict(one), "sha256": hashlib.sha256(text.encode()).hexdigest()}
        assert dump(one).decode() == json.dumps(whole, indent=1, sort_keys=True) + "\n"
    assert load(dump(full), "here") == full


def _calls_of_a_plan(count: int, folder: Path) -> int:
    """How many functions of ours a plan without change calls."""
    folder.mkdir()
    world = ManyResources(count, folder)
    world.up()
    resources, calls = graph(count), Counter[str]()

    def trace(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and "livekit_deploy" in frame.f_code.co_filename:
            calls["all"] += 1

    sys.setprofile(trace)
    try:
        assert not world.plan(resources).plan.changes
    finally:
        sys.setprofile(None)
    return calls["all"]


def test_a_plan_of_twice_as_many_is_twice_the_work(tmp_path: Path) -> None:
    small, large = (_calls_of_a_plan(count, tmp_path / str(count)) for count in (100, 200))
    assert large < 2.2 * small


def test_a_plan_of_hundreds_is_readable(tmp_path: Path) -> None:
    plan = ManyResources(500, tmp_path).plan(graph(500)).plan
    shown = list(plans.lines(plan, 80))
    assert len(shown) < 40
    assert any("… and 480 more bench.nothing (-v shows all)" in line for line in shown)
    assert any("500 to create" in line for line in shown)
    assert len(list(plans.lines(plan, 80, every=True))) > 500
