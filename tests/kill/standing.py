"""An environment that is up, for the tests of a process to work on copies of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.config.presets import merged
from tests.inventory import inventory
from tests.kill.changes import ALTERATIONS, ENVIRONMENT, changed_by_hand
from tests.kill.recording import Set, how_many
from tests.kill.world import World


def environment(here: World, change: dict[str, Any] | None = None) -> Environment:
    return load_environment(here.environment(merged(yaml.safe_load(ENVIRONMENT), change or {})), environ={})


@dataclass
class Standing:
    """``before`` is what was in the world without it, ``everything`` how many of all there are with it."""

    here: World
    before: dict[str, set[str]]
    everything: Set

    def altered(self, name: str) -> Environment:
        """What it is to become; what others change of it they have changed."""
        env = environment(self.here, ALTERATIONS[name].values)
        if not ALTERATIONS[name].values:
            deployer = self.here.deployer(env, self.here.fresh)
            found = deployer.lease()
            assert found is not None
            changed_by_hand(name, found[0].records, deployer._kube)
        return env


def stood_up(here: World) -> Standing:
    before = inventory()
    here.deployer(environment(here), here.fresh).up()
    return Standing(here, before, how_many())
