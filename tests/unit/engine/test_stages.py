"""A stage applied alone: what it needs, what belongs to it, and when what is dropped may go."""

from __future__ import annotations

import pytest

from livekit_deploy.engine.resource import Resource
from livekit_deploy.engine.stages import STAGES
from livekit_deploy.errors import UsageError
from tests.fakes import Fake, FakePool
from tests.unit.engine.conftest import Rig


def staged(zone: str = "a") -> list[Resource]:
    network = Fake("network")
    pool = FakePool("pool", parents=[network.id], zone=zone)
    controller = Fake("controller", parents=[pool.id], stage="load-balancer")
    return [network, pool, controller, Fake("app", parents=[pool.id, controller.id], stage="livekit")]


def kept(rig: Rig) -> dict[str, str]:
    return {address.split("-")[0]: record.stage for address, record in rig.state.records.items()}


def pools(rig: Rig) -> int:
    return sum(address.startswith("fake.pool/") for address in rig.state.records)


def test_each_stage_makes_what_belongs_to_it_and_all_make_all(rig: Rig) -> None:
    for number, stage in enumerate(STAGES):
        assert rig.up(staged(), stage=stage).clean
        assert set(kept(rig).values()) == set(STAGES[: number + 1])
    rig.cloud.log.clear()
    assert rig.up(staged()).clean
    assert rig.cloud.log == []


def test_a_stage_names_what_it_lacks_and_the_step_that_makes_it(rig: Rig) -> None:
    with pytest.raises(UsageError, match=r"the step infrastructure makes fake\.pool/pool") as lacking:
        rig.up(staged(), stage="livekit")
    assert "the step load-balancer makes fake.thing/controller" in lacking.value.message
    assert lacking.value.hint == "first: livekit-deploy up --step infrastructure"
    assert lacking.value.exit_code == 3
    assert rig.cloud.log == []


def test_what_is_dropped_goes_with_the_last_stage_that_holds_on_to_it(rig: Rig) -> None:
    rig.up(staged())
    for stage, left in (("infrastructure", 2), ("load-balancer", 2), ("livekit", 1)):
        assert rig.up(staged("b"), stage=stage).clean
        assert pools(rig) == left
    assert rig.plan(staged("b")).changes == ()
