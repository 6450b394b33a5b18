"""What a target brings along, and what is said of one that there is not."""

from __future__ import annotations

import pytest

from livekit_deploy.errors import (
    ConfigError,
    UsageError,
)
from tests.fakes import Fake
from tests.unit.engine.conftest import Rig
from tests.unit.engine.stacks import stack


def test_a_target_brings_what_it_depends_on_and_nothing_else(rig: Rig) -> None:
    rig.up(stack(), "fake.thing/left")
    assert {t.address for t in rig.cloud.things.values()} == {"fake.thing/root", "fake.thing/left"}


def test_a_target_brings_what_it_works_with_and_waits_for_none_of_it(rig: Rig) -> None:
    """They may even need each other: neither is made before the other, and neither goes before the other."""
    door, lock = Fake("door"), Fake("lock")
    door.works_with, lock.works_with = (lock,), (door,)
    every = [door, lock, Fake("wall")]
    assert rig.up(every, "fake.thing/door").clean
    assert {thing.address for thing in rig.cloud.things.values()} == {"fake.thing/door", "fake.thing/lock"}
    assert rig.up(every).clean
    assert rig.plan(every).changes == ()
    assert rig.down().clean


def test_what_it_works_with_is_part_of_the_stack(rig: Rig) -> None:
    with pytest.raises(ConfigError, match="which is not part of the stack"):
        rig.up([Fake("door", works_with=[Fake("lock")])])


def test_a_target_that_is_none_leads_to_the_nearest_one(rig: Rig) -> None:
    for target, hint in (("fake.thing/rot", "did you mean fake.thing/root?"), ("x", "livekit-deploy graph")):
        with pytest.raises(UsageError, match=f"no resource has the address {target}") as refused:
            rig.up(stack(), target)
        assert hint in refused.value.hint


def test_a_circle_is_named(rig: Rig) -> None:
    one, two = Fake("one"), Fake("two")
    one.parents, two.parents = [two.id], [one.id]
    with pytest.raises(ConfigError, match=r"circle: .*one"):
        rig.plan([one, two])
