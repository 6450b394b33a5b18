"""A run that failed says how to go on: what it says, typed as it stands, ends well when the fault is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.cli.open_deployer import _check_adopted
from livekit_deploy.config import Environment
from livekit_deploy.deployer import Deployer
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import Incomplete, Interrupted, UsageError
from livekit_deploy.state.store import FileStore
from tests.aws.rig import _boto
from tests.contract.kinds.case import Base
from tests.contract.marks import MARKS, strip
from tests.fakes import FakeClock
from tests.faults.rig import faults, world
from tests.faults.test_runs import env as env
from tests.following import adopted, commands

FAULTS = [
    {"fault": "throttling", "call": "ec2:CreateSubnet"},
    {"fault": "error-503", "call": "ec2:CreateSubnet"},
    {"fault": "hang", "call": "ec2:CreateSubnet"},
    {"fault": "denied", "call": "iam:CreateRole"},
    {"fault": "quota", "call": "ec2:CreateVpc"},
    {"fault": "expired", "call": "*:*", "after": 20},
]


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with world():
        yield


def _resources() -> list[Resource]:
    base = Base()
    return [base.vpc(), base.gateway(), base.subnet("a"), base.role()]


def _deployer(env: Environment, folder: Path, resources: list[Resource] | None = None, **more: Any) -> Deployer:
    clients = Clients(env.region, opened=_boto())
    store = FileStore(folder / "state.json", now=lambda: 1_000_000.0)
    declared = _resources() if resources is None else resources
    return Deployer(env, resources=declared, store=store, clients=clients, clock=FakeClock(), **more)


def _follow(hint: str, env: Environment, folder: Path, resources: list[Resource] | None = None) -> Deployer:
    """Run the one command that is said, with the options that are said."""
    ((name, options),) = commands(hint)
    assert options["env"] == env.name
    made = _deployer(env, folder, resources, adopt=options["adopt"])
    if name == "up":
        made.up()
    else:
        assert name == "down"
        made.down(abandon_cluster_objects=bool(options["abandon_cluster_objects"]))
    return made


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: str(one["fault"]))
def test_up_goes_on_by_the_command_that_it_says(fault: dict[str, Any], env: Environment, tmp_path: Path) -> None:
    with faults(fault), pytest.raises(Incomplete) as caught:
        _deployer(env, tmp_path).up()
    assert _follow(caught.value.hint, env, tmp_path).plan().changes == ()


@pytest.mark.parametrize("abandon", [False, True])
def test_down_goes_on_by_the_command_that_it_says(abandon: bool, env: Environment, tmp_path: Path) -> None:
    _deployer(env, tmp_path).up()
    with faults({"fault": "denied", "call": "ec2:DeleteVpc"}), pytest.raises(Incomplete) as caught:
        _deployer(env, tmp_path).down(abandon_cluster_objects=abandon)
    ((_, options),) = commands(caught.value.hint)
    assert options["abandon_cluster_objects"] is abandon
    assert _follow(caught.value.hint, env, tmp_path).down().leftovers == []


def test_who_is_interrupted_and_runs_the_same_again_ends_well(env: Environment, tmp_path: Path) -> None:
    made = _deployer(env, tmp_path)
    made.cancel()
    with pytest.raises(Interrupted, match="interrupted") as caught:
        made.up()
    assert "run the same command again" in caught.value.hint
    again = _deployer(env, tmp_path)
    again.up()
    assert again.plan().changes == ()


def _lost(env: Environment, folder: Path) -> str:
    """The address of a role that has lost its tags."""
    made = _deployer(env, folder)
    made.up()
    found = made.lease()
    assert found is not None
    strip(found[0].records["iam.role/cluster"], *MARKS)
    return "iam.role/cluster"


def test_what_lost_its_marks_is_taken_over_by_the_command_that_the_plan_says(env: Environment, tmp_path: Path) -> None:
    address = _lost(env, tmp_path)
    (shown,) = _deployer(env, tmp_path).plan().unmarked
    ((name, options),) = commands(shown.remedy)
    assert (name, options["adopt"]) == ("up", (address,))
    made = _deployer(env, tmp_path, adopt=adopted(shown.remedy))
    made.up()
    plan = _deployer(env, tmp_path).plan()
    assert (plan.changes, plan.unmarked) == ((), ())


def test_what_the_file_has_no_longer_can_be_taken_over_too(env: Environment, tmp_path: Path) -> None:
    """It is then deleted: it is on record, and nothing of the configuration."""
    address = _lost(env, tmp_path)
    rest = [item for item in _resources() if item.address != address]
    (shown,) = _deployer(env, tmp_path, rest).plan().unmarked
    made = _deployer(env, tmp_path, rest, adopt=adopted(shown.remedy))
    _check_adopted(made, (address,))
    assert made.up().deleted == [address]
    with pytest.raises(UsageError, match="no resource has the address"):
        _check_adopted(made, (address,))
    with pytest.raises(UsageError, match="no resource has the address") as caught:
        _check_adopted(made, ("ec2.vpc/man",))
    assert "did you mean ec2.vpc/main?" in caught.value.hint


def test_what_down_leaves_is_deleted_by_what_it_says(env: Environment, tmp_path: Path) -> None:
    address = _lost(env, tmp_path)
    report = _deployer(env, tmp_path).down()
    (kept,) = report.stays
    assert kept.address == address
    made = _deployer(env, tmp_path, adopt=adopted(kept.hint))
    _check_adopted(made, tuple(adopted(kept.hint)))
    assert made.down().deleted == [address]
    assert [name for name, _ in commands(kept.hint)] == ["forget"]


def test_a_failed_run_that_takes_over_says_so_in_what_is_to_be_run_next(env: Environment, tmp_path: Path) -> None:
    address = _lost(env, tmp_path)
    with faults({"fault": "denied", "call": "iam:TagRole"}), pytest.raises(Incomplete) as caught:
        _deployer(env, tmp_path, adopt=(address,)).up()
    plan = _follow(caught.value.hint, env, tmp_path).plan()
    assert (plan.changes, plan.unmarked) == ((), ())
