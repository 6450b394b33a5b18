"""Die before and after every change that `up` from nothing asks for: the next run makes all of it, or leaves nothing.

The real Deployer with the whole stack, against the sandbox's AWS and clusters. A boundary is a call to AWS that changes
something (the writes of the state among them) or such a request to Kubernetes, before and after it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from moto import mock_aws

from livekit_deploy.sandbox.install import install
from tests.inventory import inventory
from tests.kill.changes import ALTERATIONS
from tests.kill.conftest import FORKS, Kills
from tests.kill.copies import in_child
from tests.kill.recording import Recording, how_many
from tests.kill.standing import ends, environment, with_another
from tests.kill.world import KillAccount, world
from tests.sandbox.corrections import harness

pytestmark = [pytest.mark.kill, *FORKS]


def test_a_copy_that_cannot_say_what_it_found_ends_all_the_same() -> None:
    with pytest.raises(AssertionError, match="it did not end"):
        in_child(object)


def test_a_world_that_is_over_hears_of_no_more_clusters(tmp_path: Path) -> None:
    with world(tmp_path):
        pass
    with mock_aws():
        assert ".eks.amazonaws.com" in harness.ProbedAws(install, window=0.0).cluster()["endpoint"]


def test_up_from_nothing(here: KillAccount, kills: Kills) -> None:
    env, other = environment(here), environment(here, ALTERATIONS["no NAT, flow logs"].values)
    ways = with_another(env, other)
    all_ends = ends(here, ways)
    recording = Recording(here, env, inventory(), kills.among(ways), ways=ways)
    recording.run("up")
    assert how_many() == all_ends["up"]
    kills.judge("up", recording, all_ends)


@pytest.mark.slow
def test_a_death_at_a_read_is_the_one_before_it(here: KillAccount, kills: Kills, seed: int) -> None:
    env, before = environment(here), inventory()
    recording = Recording(here, env, before, kills.sampled(here, env, before, "up", seed), reads=True)
    recording.run("up")
    kills.judge(f"up: reads, seed {seed}", recording, {"up": how_many(), "down": {}})
