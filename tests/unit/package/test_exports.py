"""What a program imports from the package: each name once, with one meaning, and nothing that two things are called."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING

import pytest

import livekit_deploy
from livekit_deploy import Change, Deployer, Event, Input, Plan, PlannedChange, Resource
from livekit_deploy.engine.plan import Action
from livekit_deploy.operations.cluster import ClusterAccess


class Thing(Resource):
    """As whoever writes a kind writes it, with nothing but the package's own names."""

    colour: Input[str] = Input(change=Change.FIXED, way_out="paint it", default="red")


def test_whoever_writes_a_kind_gets_the_change_of_an_input() -> None:
    assert Thing.inputs["colour"].change is Change.FIXED
    assert {one.value for one in Change} == {"mutable", "create-only", "immutable", "fixed"}


def test_what_a_plan_holds_has_a_name_of_its_own() -> None:
    change = PlannedChange("ec2.vpc/main", Action.CREATE, "infrastructure")
    assert Plan("up", None, 0, "digest", (change,)).changes == (change,)


def test_every_exported_name_is_there_and_stands_for_one_thing() -> None:
    found = {name: getattr(livekit_deploy, name) for name in livekit_deploy.__all__}
    assert len({id(one) for one in found.values()}) == len(found)


def test_events_are_those_of_a_run_and_nothing_else_is_called_so() -> None:
    """``on_event`` gets an `Event`; what the cluster tells is asked of the cluster, and is a `ClusterEvent`."""
    assert "Event" in str(inspect.signature(Deployer).parameters["on_event"].annotation)
    assert Event.__module__ == "livekit_deploy.events"
    assert not hasattr(Deployer, "events")
    assert "ClusterEvent" in str(inspect.signature(ClusterAccess.events).return_annotation)


def test_a_type_checker_knows_the_exported_names_and_no_other() -> None:
    """`make check` holds it: mypy refuses a line that is ignored without need."""
    if TYPE_CHECKING:
        livekit_deploy.Deployr  # type: ignore[attr-defined]  # noqa: B018
        wrong: int = livekit_deploy.Report("up")  # type: ignore[assignment]  # noqa: F841
    with pytest.raises(AttributeError, match="Deployr"):
        importlib.import_module("livekit_deploy").Deployr  # noqa: B018
