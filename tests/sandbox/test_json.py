"""What is printed with --json is what docs/json.schema.json says, and nothing else is on stdout."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tests.places import ROOT
from tests.sandbox.workspace import Workspace

ENV = ("--env", "dev", "--sandbox", "--json")
SCHEMAS = json.loads((ROOT / "docs" / "json.schema.json").read_text(encoding="utf-8"))["outputs"]


def _valid(name: str, value: Any) -> None:
    jsonschema.validate(value, SCHEMAS[name])


#: what prints one document, of an environment
_SINGLE = {
    "plan": ("plan", "--set", "redis.node_type=cache.m7g.large"),
    "status": ("status",),
    "outputs": ("outputs",),
    "prerequisites": ("prerequisites",),
    "verify": ("verify",),
    "state list": ("state", "list"),
    "state show": ("state", "show"),
    "state show ADDRESS": ("state", "show", "eks.cluster/main"),
    "state history": ("state", "history"),
    "config validate": ("config", "validate"),
    "keys list": ("keys", "list"),
    "events": ("events",),
    "graph": ("graph",),
    "graph --critical-path": ("graph", "--critical-path"),
    "state rebuild": ("state", "rebuild", "--yes"),
}
#: what prints one document, of no environment
_BARE = {
    "sandbox status": ("sandbox", "status"),
    "sandbox faults list": ("sandbox", "faults", "list"),
    "config explain": ("config", "explain", "redis.tls"),
}


@pytest.mark.slow
def test_every_output_is_as_its_schema_says(here: Workspace) -> None:
    lines = here.run("up", *ENV, "--yes").lines()
    for line in lines:
        _valid("run", line)
    assert [lines[0]["type"], lines[-1]["type"]] == ["plan", "result"]
    assert {"run_started", "started", "done", "run_finished"} <= {line["type"] for line in lines}

    assert {*_SINGLE, *_BARE, "run", "logs"} == set(SCHEMAS)
    for name, command in _SINGLE.items():
        _valid(name, json.loads(here.run(*command, *ENV).out))
    here.run("sandbox", "faults", "add", "throttling", "ec2:CreateSubnet")
    for name, command in _BARE.items():
        _valid(name, json.loads(here.run(*command, "--json").out))
    here.run("sandbox", "faults", "clear")

    for line in here.run("logs", *ENV).lines():
        _valid("logs", line)
    for line in here.run("keys", "rotate", *ENV, "--yes").lines():
        _valid("run", line)

    wrong = here.run("outputs", *ENV, "-o", "nothing", code=3)
    _valid("run", json.loads(wrong.out))
    assert json.loads(wrong.out)["type"] == "error"
