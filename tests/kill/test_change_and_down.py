"""Die before and after every change that `up` to another environment and `down` ask for: the next run ends it well."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inventory import inventory
from tests.kill.changes import ALTERATIONS, BALANCERS_GONE, UNCHANGED, able_to_change
from tests.kill.conftest import FORKS, Kills
from tests.kill.copies import in_child
from tests.kill.recording import RECORDING_SECONDS, Recording
from tests.kill.standing import Deployed, environment

pytestmark = [pytest.mark.kill, *FORKS]
#: the changes that `make test` is killed at too: a certificate in use, records, and a helm that takes objects away;
#: a reason for a controller
_ALWAYS = ("certificate, DNS, TURN", BALANCERS_GONE)


def test_every_kind_that_can_change_is_changed() -> None:
    """A new kind fails here until `up` is killed on the way to a change of it."""
    changed = {kind for alteration in ALTERATIONS.values() for kind in alteration.kinds}
    assert able_to_change() - changed == set(UNCHANGED)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in _ALWAYS else pytest.mark.slow) for name in ALTERATIONS]
)
def test_up_with_a_change(standing: Deployed, kills: Kills, name: str) -> None:
    def changed() -> tuple[list[Any], list[str]]:
        env, ways = standing.altered(name), standing.ways(name)
        ends = standing.ends(ways)
        recording = Recording(standing.here, env, standing.before, kills.among(ways), ways=ways)
        report = recording.run("up")
        kinds = {address.partition("/")[0] for address in (*report.created, *report.updated, *report.deleted)}
        return kills.judged(f"up: {name}", recording, ends), sorted(kinds)

    judged, kinds = in_child(changed, RECORDING_SECONDS)
    wrong = kills.told(judged)
    assert not wrong, "\n".join(wrong)
    assert set(kinds) == ALTERATIONS[name].kinds


def test_down(standing: Deployed, kills: Kills) -> None:
    def gone() -> tuple[list[Any], bool]:
        ways = standing.ways(BALANCERS_GONE)
        recording = Recording(standing.here, environment(standing.here), standing.before, kills.among(ways), ways=ways)
        ends = standing.ends(ways)
        recording.run("down")
        return kills.judged("down", recording, ends), inventory() == standing.before

    judged, nothing = in_child(gone, RECORDING_SECONDS)
    wrong = kills.told(judged)
    assert not wrong, "\n".join(wrong)
    assert nothing


@pytest.mark.slow
def test_a_death_at_a_read_is_the_one_before_it(standing: Deployed, kills: Kills, seed: int) -> None:
    env, before = environment(standing.here), standing.before

    def gone() -> list[Any]:
        wanted = kills.sampled(standing.here, env, before, "down", seed)
        recording = Recording(standing.here, env, before, wanted, reads=True)
        recording.run("down")
        ends = {"up": standing.everything, "down": {}}
        return kills.judged(f"down: reads, seed {seed}", recording, ends)

    wrong = kills.told(in_child(gone, RECORDING_SECONDS))
    assert not wrong, "\n".join(wrong)
