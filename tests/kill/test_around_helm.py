"""SIGKILL right before and right after each run of the real helm that changes a cluster; the next run goes on."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.binaries import helm_replaced
from tests.sandbox.interrupting import DOWN, MARK, SHORT_LEASE, UP, all_gone, counted
from tests.sandbox.workspace import Workspace

CHANGE = (
    *UP,
    *("--set", "livekit.settings.room.empty_timeout=120"),
    *("--set", "load_balancer_controller.replicas=3"),
)

_WRAPPER = """#!/bin/sh
case "$1" in install|upgrade|rollback|uninstall) ;; *) exec {helm} "$@" ;; esac
echo "$1" >> {runs}
number=$(wc -l < {runs})
[ "$(cat {death})" = "before $number" ] && kill -s KILL -- "-$PPID"
{helm} "$@"
code=$?
[ "$(cat {death})" = "after $number" ] && kill -s KILL -- "-$PPID"
exit $code
"""

pytestmark = pytest.mark.slow


class DeadlyHelm:
    """The real helm first on the PATH of a workspace; it ends its caller's process group when it is told to."""

    def __init__(self, here: Workspace, folder: Path) -> None:
        self._here, self._runs, self._death = here, folder / "runs", folder / "death"
        self.path = helm_replaced(folder, _WRAPPER, here.environ["PATH"], runs=self._runs, death=self._death)

    def runs(self, command: tuple[str, ...], death: str = "never") -> int:
        """Run the command to its end or its ``death`` (``before 1``, ``after 1``); how often helm changed something."""
        self._runs.write_text("")
        self._death.write_text(death)
        mark = uuid.uuid4().hex
        done = self._here.run(*command, code=0 if death == "never" else -9, PATH=self.path, **{MARK: mark})
        assert done.code == 0 or self._runs.read_text().count("\n") == int(death.split()[1])
        all_gone(mark)
        return self._runs.read_text().count("\n")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """AWS takes no time there."""
    made = Workspace(tmp_path_factory.mktemp("instant"), math.inf)
    made.sandbox  # noqa: B018  starts it
    yield made
    made.stop()


@pytest.mark.parametrize("scenario", ["up", "up: both releases", "down"])
def test_killed_around_each_run_of_helm(
    workspace: Workspace, tmp_path: Path, scenario: str, record_property: Callable[[str, Any], None]
) -> None:
    command = {"up": UP, "down": DOWN}.get(scenario, CHANGE)
    here, helm = workspace, DeadlyHelm(workspace, tmp_path)

    def ready() -> None:
        """The environment as the scenario finds it."""
        here.reset()
        here.edit("dev", **SHORT_LEASE)
        if command is not UP:
            here.run(*UP)

    ready()
    number, everything = helm.runs(command), counted(here)
    assert number == 2
    deaths = [f"{when} {one + 1}" for one in range(number) for when in ("before", "after")]
    for death in deaths:
        ready()
        helm.runs(command, death)
        here.run(*command)
        assert counted(here) == everything, death
        if command is not DOWN:
            here.run("plan", *command[1:4], *command[5:], "--detailed-exitcode")
    record_property("kill", [f"SIGKILL around helm: {scenario}", len(deaths), len(deaths), len(deaths), 0, 0])
