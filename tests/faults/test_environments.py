"""Random environments: whatever the models admit gives a graph that plans, applies, is silent then, and goes again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from livekit_deploy.config import load_environment
from livekit_deploy.errors import ConfigError
from livekit_deploy.stack import Infrastructure, stack
from tests.faults.rig import FaultRig, world

ZONE = "example.com"
_NODES = some.fixed_dictionaries(
    {"min": some.integers(1, 2), "desired": some.integers(2, 3), "max": some.integers(3, 5)},
    optional={"capacity": some.sampled_from(["on_demand", "spot"])},
)
ENVIRONMENTS = some.fixed_dictionaries(
    {
        "preset": some.sampled_from(["dev", "uat", "prod"]),
        "region": some.just("us-east-1"),
        "livekit": some.fixed_dictionaries(
            {"domain": some.just(f"livekit.{ZONE}"), "hosted_zone": some.just(ZONE)},
            optional={"turn": some.just({"domain": f"turn.{ZONE}"}), "replicas": some.integers(1, 2)},
        ),
        "cluster": some.fixed_dictionaries(
            {"public_cidrs": some.just(["203.0.113.0/24"])},
            optional={
                "secrets_key": some.booleans(),
                "logs": some.lists(some.sampled_from(["api", "audit", "authenticator"]), unique=True),
            },
        ),
    },
    optional={
        "network": some.fixed_dictionaries(
            {"availability_zones": some.integers(2, 3), "nat": some.sampled_from(["none", "single", "per_az"])},
            optional={"flow_logs": some.booleans(), "cidr": some.sampled_from(["10.20.0.0/16", "172.20.0.0/18"])},
        ),
        "nodes": some.fixed_dictionaries({"media": _NODES}, optional={"system": _NODES}),
        "redis": some.fixed_dictionaries(
            {"replicas": some.integers(0, 2)},
            optional={"tls": some.booleans(), "auth": some.booleans(), "multi_az": some.booleans()},
        ),
        "tags": some.dictionaries(some.sampled_from(["team", "owner"]), some.sampled_from(["a", "media"])),
    },
)


def _loaded(folder: Path, values: dict[str, Any]) -> Any:
    """The environment, None where the models refuse it, which must be by name."""
    path = folder / "dev.yaml"
    path.write_text(yaml.safe_dump(values))
    try:
        return load_environment(path, environ={})
    except ConfigError as error:
        refused = error
    assert "dev.yaml" in str(refused)
    return None


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
