"""Random environments: whatever the models admit gives a graph that plans, applies, is silent then, and goes again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from livekit_deploy.config import Environment
from livekit_deploy.stack import Infrastructure, stack
from tests.faults.environments import ENVIRONMENTS, ZONE, loaded
from tests.faults.rig import FaultRig, world


def _loaded(folder: Path, values: dict[str, Any]) -> Environment | None:
    path = folder / "dev.yaml"
    path.write_text(yaml.safe_dump(values))
    return loaded(path)


@settings(max_examples=25, print_blob=True)
@given(values=ENVIRONMENTS)
def test_any_environment_is_refused_by_name_or_gives_a_graph(values: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if (env := _loaded(Path(folder), values)) is not None:
            addresses = [item.address for item in stack(env)]
            assert len(set(addresses)) == len(addresses)


@pytest.mark.slow
@settings(max_examples=8, print_blob=True)
@given(values=ENVIRONMENTS)
def test_any_environment_is_made_is_silent_then_and_goes_again(values: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, world():
        if (env := _loaded(Path(folder), values)) is None:
            return
        rig = FaultRig(Path(folder), "dev")
        rig.clients("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
        assert rig.attempt(Infrastructure(env).resources) == {}
        assert rig.plan(Infrastructure(env).resources).changes == ()
        rig.made()
        assert rig.attempt(Infrastructure(env).resources) == {}
        assert rig.made() == [], "a second run is silent"
        assert rig.attempt(None) == {}
        assert rig.records == {}
