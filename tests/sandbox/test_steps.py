"""`up` a step at a time: each alone names what it needs, and all in order make what `all` makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from livekit_deploy.cli.entry import run
from livekit_deploy.engine.stages import STAGES
from tests.sandbox.workspace import Workspace

Step = Callable[..., int]


@pytest.fixture
def step(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> Step:
    """The command line in this process: `up` with one step, and its exit code."""
    here.sandbox  # noqa: B018  starts it
    monkeypatch.chdir(here.folder)
    return lambda name, *more: run(["up", "--env", "uat", "--sandbox", "--yes", "--step", name, *more])


def _stages(here: Workspace) -> dict[str, str]:
    records: dict[str, dict[str, str]] = here.document("uat")["records"]
    return {address: record["stage"] for address, record in records.items()}


_FIRST = "up --env uat --sandbox --step infrastructure"
#: a step, what it says that it lacks, and what to do first
LACKS = (
    ("load-balancer", "the step infrastructure makes ec2.vpc/main, eks.access_entry/creator-b4ab, ", _FIRST),
    ("livekit", "; the step load-balancer makes barrier.load_balancers_gone/main", _FIRST),
    ("verify", "LiveKit is not deployed yet", "up --env uat"),
)


def test_a_step_alone_names_what_it_needs_and_which_step_makes_it(
    here: Workspace, step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    before = here.inventory()
    for name, lacks, first in LACKS:
        assert step(name) == 3
        said = capsys.readouterr().err
        assert lacks in said
        assert first in said
    assert step("plan") == 0
    assert " to create, 0 to update, 0 to delete" in capsys.readouterr().out
    assert here.inventory() == before


@pytest.mark.slow
def test_the_steps_in_order_make_what_all_makes(
    here: Workspace, step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    made: dict[str, str] = {}
    for name, following in zip(STAGES, [*STAGES[1:], "verify"], strict=True):
        assert step(name) == 0
        said = capsys.readouterr().out
        assert "LiveKit answers" not in said
        assert f"up --env uat --sandbox --step {following}" in said
        assert {stage for address, stage in _stages(here).items() if address not in made} == {name}
        made = _stages(here)
    assert step("verify") == 0
    assert "LiveKit answers at wss://" in capsys.readouterr().out
    calls = len(here.calls())
    assert step("all") == 0
    assert here.changes(calls) == []
    assert "LiveKit answers at wss://" in capsys.readouterr().out
