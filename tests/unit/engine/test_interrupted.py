"""Saved plans that are no longer true, and runs that were killed at every boundary."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from livekit_deploy.engine.plan import Plan
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import (
    StalePlan,
)
from tests.fakes import Killed
from tests.unit.engine.conftest import Rig
from tests.unit.engine.stacks import stack


def test_a_saved_plan_is_refused_when_state_configuration_or_cloud_moved(rig: Rig) -> None:
    rig.up(stack())
    plan = Plan.load(rig.plan(stack(size=2)).dump())
    plan.expect(rig.plan(stack(size=2)))
    with pytest.raises(StalePlan, match=r"fake.thing/left|AWS"):
        plan.expect(rig.plan(stack()))
    rig.up(stack(size=3))
    with pytest.raises(StalePlan, match="state moved"):
        plan.expect(rig.plan(stack(size=2)))


@pytest.mark.parametrize("verb", ["up", "change", "down"])
def test_a_saved_plan_whose_run_was_interrupted_anywhere_goes_on(
    tmp_path_factory: pytest.TempPathFactory, verb: str
) -> None:
    """Also one that was made when there was no state yet: what is left of it is what was agreed to."""
    wanted = stack(size=2, zone="b") if verb == "change" else stack()
    for at in range(200):
        rig = Rig(tmp_path_factory.mktemp("kill"))
        if verb != "up":
            rig.up(stack())
        plan = Plan.load((rig.down_plan() if verb == "down" else rig.plan(wanted)).dump())
        rig.cloud.bomb = at
        try:
            if verb == "down":
                rig.down()
            else:
                rig.up(wanted)
        except Killed:
            rig.cloud.bomb, rig.cloud.dead = -1, False
            plan.expect(rig.down_plan() if verb == "down" else rig.plan(wanted))
            continue
        assert at > 5
        plan.expect(rig.down_plan() if verb == "down" else rig.plan(wanted))
        return


def converge(rig: Rig, resources: Sequence[Resource]) -> None:
    outcome = rig.up(resources)
    assert outcome.clean, outcome
    assert rig.plan(resources).changes == ()
    live = [t.address for t in rig.cloud.things.values() if not t.deleting]
    assert sorted(live) == sorted(item.address for item in resources)


@pytest.mark.parametrize("verb", ["up", "change", "down"])
@pytest.mark.parametrize("then", ["up", "down"])
def test_killed_at_every_boundary_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, verb: str, then: str
) -> None:
    boundaries = 0
    for at in range(200):
        rig = Rig(tmp_path_factory.mktemp("kill"))
        if verb != "up":
            rig.up(stack())
        rig.cloud.bomb = at
        try:
            if verb == "down":
                rig.down()
            else:
                rig.up(stack(size=2, zone="b") if verb == "change" else stack())
        except Killed:
            pass
        else:
            break
        boundaries += 1
        rig.cloud.bomb, rig.cloud.dead = -1, False
        if then == "up":
            converge(rig, stack())
        else:
            assert rig.down().clean
            assert rig.cloud.things == {}
            assert rig.state.records == {}
    assert boundaries >= {"up": 8, "change": 6, "down": 8}[verb]
