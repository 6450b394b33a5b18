"""Die before and after every mutating AWS call of `up` and of `down`: nothing is lost and nothing is left.

The whole infrastructure of an environment, through the real engine, against the sandbox's AWS, which refuses wrong
orders and honours tokens as AWS does.
"""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.engine.resource import Resource
from livekit_deploy.leftovers import leftovers
from livekit_deploy.stack import Infrastructure
from tests.inventory import inventory
from tests.kill.bomb import KillRig, world

SHARDS = 4
ENVIRONMENT = """
preset: dev
region: us-east-1
network: {nat: single}
cluster: {secrets_key: true, logs: [api]}
livekit: {domain: livekit.dev.example.com, hosted_zone: example.com}
"""


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    path = tmp_path / "dev.yaml"
    path.write_text(ENVIRONMENT)
    return load_environment(path, environ={})


def resources(env: Environment) -> list[Resource]:
    return Infrastructure(env).resources


@pytest.mark.kill
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("then", ["up", "down"])
@pytest.mark.parametrize("verb", ["up", "down"])
def test_killed_at_a_boundary_nothing_is_lost(
    verb: str, then: str, shard: int, every: int, env: Environment, tmp_path: Path
) -> None:
    at, tried = shard * every, 0
    while _killed_at(at, verb, then, env, tmp_path / str(at)):
        at, tried = at + SHARDS * every, tried + 1
    assert tried, "the run ended before its first boundary"


def _killed_at(at: int, verb: str, then: str, env: Environment, folder: Path) -> bool:
    """Whether the bomb went off; what must hold after it is asserted."""
    folder.mkdir()
    with world():
        boto3.client("route53").create_hosted_zone(Name="example.com", CallerReference="x")
        before = inventory()
        rig = KillRig(folder)
        if verb == "down":
            assert rig.run("up", resources(env))
        rig.bomb.arm(at)
        if rig.run(verb, resources(env)):
            return False
        rig.restart()
        assert rig.run(then, resources(env))
        if then == "up":
            assert rig.plan(resources(env)).changes == ()
            assert len(rig.records) == len(resources(env))
            assert rig.run("down", [])
        assert rig.records == {}
        assert leftovers(rig.cloud)[0] == []
        assert inventory() == before
    return True


def test_undisturbed_everything_comes_and_goes(env: Environment, tmp_path: Path) -> None:
    with world():
        boto3.client("route53").create_hosted_zone(Name="example.com", CallerReference="x")
        before = inventory()
        rig = KillRig(tmp_path)
        assert rig.run("up", resources(env))
        assert inventory() != before
        assert rig.plan(resources(env)).changes == ()
        assert rig.run("down", [])
        assert inventory() == before
