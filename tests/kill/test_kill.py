"""Die before and after every change that `up`, `up` with a change, and `down` ask for: nothing is lost or left.

The real Deployer with the whole stack, against the sandbox's AWS and clusters. A boundary is a call to AWS that changes
something (the writes of the state among them) or such a request to Kubernetes, before and after it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.config.presets import merged
from tests.inventory import inventory
from tests.kill.conftest import Kills
from tests.kill.helm import stand_in
from tests.kill.recording import Recording, how_many, in_child
from tests.kill.world import World, world

ENVIRONMENT = """
preset: dev
region: us-east-1
state: {lease_seconds: 900}
network: {nat: single}
cluster: {secrets_key: true, logs: [api]}
livekit: {domain: livekit.dev.example.com, hosted_zone: example.com, turn: {domain: turn.dev.example.com}}
"""
#: a change in each service
CHANGES: dict[str, dict[str, Any]] = {
    "no NAT": {"network": {"nat": "none"}},
    "network rule": {"livekit": {"rtc": {"tcp_port": 7882}}},
    "control plane": {"cluster": {"logs": ["api", "audit"], "public_cidrs": ["203.0.113.0/24"]}},
    "size of nodes": {"nodes": {"media": {"max": 3}}},
    "type of nodes": {"nodes": {"media": {"instance_types": ["c6i.xlarge"]}}},
    "Redis node": {"redis": {"node_type": "cache.t4g.small"}},
    "Redis password": {"redis": {"auth": False}},
    "LiveKit values": {"livekit": {"settings": {"room": {"empty_timeout": 120}}}},
    "certificate and DNS": {"livekit": {"domain": "rtc.dev.example.com"}},
    "roles": {"iam": {"permissions_boundary": "arn:aws:iam::aws:policy/AdministratorAccess"}},
    "log group": {"cluster": {"log_retention_days": 60}},
}
READS = 20

pytestmark = [
    pytest.mark.kill,
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made, stand_in():
        yield made


def environment(here: World, change: dict[str, Any] | None = None) -> Environment:
    return load_environment(here.environment(merged(yaml.safe_load(ENVIRONMENT), change or {})), environ={})


def test_a_copy_that_cannot_say_what_it_found_ends_all_the_same() -> None:
    with pytest.raises(AssertionError, match="it did not end"):
        in_child(object)


def test_up_from_nothing(here: World, kills: Kills) -> None:
    env, before = environment(here), inventory()
    recording = Recording(here, env, before, kills.wanted)
    recording.run("up")
    kills.judge("up", recording, how_many())


def test_up_with_a_change(here: World, kills: Kills) -> None:
    """Each on a copy of the same environment."""
    env, before = environment(here), inventory()
    here.deployer(env, here.fresh).up()
    wrong = []
    for name, change in CHANGES.items():

        def changed(name: str = name, change: dict[str, Any] = change) -> list[Any]:
            recording = Recording(here, environment(here, change), before, kills.wanted)
            recording.run("up")
            return kills.judged(f"up: {name}", recording, how_many())

        wrong += kills.told(in_child(changed))
    assert not wrong, "\n".join(wrong)


def test_down(here: World, kills: Kills) -> None:
    env, before = environment(here), inventory()
    here.deployer(env, here.fresh).up()
    everything = how_many()
    recording = Recording(here, env, before, kills.wanted)
    recording.run("down")
    assert inventory() == before
    kills.judge("down", recording, everything)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_death_at_a_read_is_the_one_before_it(here: World, kills: Kills, verb: str, seed: int) -> None:
    env, before = environment(here), inventory()
    if verb == "down":
        here.deployer(env, here.fresh).up()
    everything = how_many()

    def count() -> int:
        recording = Recording(here, env, before, lambda number: (), reads=True)
        recording.run(verb)
        return recording.seen

    sampled = random.Random(seed).sample(range(in_child(count)), READS)
    recording = Recording(here, env, before, lambda number: ("up", "down") if number in sampled else (), reads=True)
    recording.run(verb)
    kills.judge(f"{verb}: reads, seed {seed}", recording, how_many() if verb == "up" else everything)
