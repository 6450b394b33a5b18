"""An environment that is up, for the tests of a process to work on copies of, and the ways on after a death in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import yaml

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.config.presets import merged
from tests.inventory import inventory
from tests.kill.changes import ALTERATIONS, ENVIRONMENT, changed_by_hand
from tests.kill.copies import in_child
from tests.kill.recording import Set, Steps, how_many, on_the_same
from tests.kill.world import KillAccount

_FILES = [name for name, alteration in ALTERATIONS.items() if alteration.values]


def environment(here: KillAccount, change: dict[str, Any] | None = None) -> Environment:
    return load_environment(here.environment(merged(yaml.safe_load(ENVIRONMENT), change or {})), environ={})


@dataclass
class Deployed:
    """``before`` is what was in the world without it, ``everything`` how many of all there are with it."""

    here: KillAccount
    before: dict[str, set[str]]
    everything: Set

    def altered(self, name: str) -> Environment:
        """What it is to become; what others change of it they have changed."""
        env = environment(self.here, ALTERATIONS[name].values)
        if not ALTERATIONS[name].values:
            deployer = self.here.deployer(env, self.here.fresh)
            found = deployer.lease()
            assert found is not None
            changed_by_hand(name, found[0].records, deployer.cluster.api)
        return env

    def ways(self, name: str) -> dict[str, Steps]:
        """On from a change that died: also with the file from before it, and with a second change of that."""
        env, lasting = environment(self.here, ALTERATIONS[name].values), ALTERATIONS[name].lasting
        before, other = environment(self.here, lasting), environment(self.here, merged(_next(name), lasting))
        back = {"back": (("up", before),)} if ALTERATIONS[name].values else {}
        return {**with_another(env, other), **back}

    def ends(self, ways: dict[str, Steps]) -> dict[str, Set]:
        """How many of all there are when nobody dies on such a way; {} where nothing is to be left."""
        return ends(self.here, ways, back=self.everything)


def with_another(env: Environment, other: Environment) -> dict[str, Steps]:
    """The ways on for whoever may have another file by then, or begins again."""
    return {**on_the_same(env), "another": (("up", other),), "down, up": (("down", env), ("up", env))}


def ends(here: KillAccount, ways: dict[str, Steps], **known: Set) -> dict[str, Set]:
    """How many of all there are at the end of each way of a process that nobody kills, {} after a `down`."""
    found: dict[str, Set] = {"down": {}, **known}
    for name in ways.keys() - found.keys():
        same = [other for other in ways.keys() & found.keys() if ways[other][-1] == ways[name][-1]]
        found[name] = found[same[0]] if same else in_child(partial(_undisturbed, here, ways[name][-1][1]))
    return found


def _undisturbed(here: KillAccount, env: Environment) -> Set:
    here.deployer(env, here.fresh).up()
    return how_many()


def _next(name: str) -> dict[str, Any]:
    """What another change says, for each change another one."""
    return ALTERATIONS[_FILES[(_FILES.index(name) + 1) % len(_FILES)] if name in _FILES else _FILES[0]].values


def stood_up(here: KillAccount) -> Deployed:
    before = inventory()
    here.deployer(environment(here), here.fresh).up()
    return Deployed(here, before, how_many())
