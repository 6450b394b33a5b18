"""Runs whose output fails: they do their work, free their lease at its end, and end with their own code."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess

import pytest

from tests.sandbox.interrupting import DOWN, UP
from tests.sandbox.workspace import Workspace


def _shell(here: Workspace, line: str) -> subprocess.CompletedProcess[str]:
    """A shell's line, in which $UP and $DOWN are these commands; its last word is the command's exit code."""
    commands = {"UP": shlex.join(here.command(*UP)), "DOWN": shlex.join(here.command(*DOWN))}
    return subprocess.run(
        ["bash", "-c", f'{line}; echo "code ${{PIPESTATUS[0]}}"'],
        cwd=here.folder,
        env={**here.environ, **commands},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("$UP >/dev/full 2>/dev/full", "$DOWN 2>&-"),
        ("$UP --log-file /dev/full", "$DOWN --log-file /dev/full >&-"),
        pytest.param("$UP --json | head -1", "$DOWN -vv 2>&1 | head -1", marks=pytest.mark.slow),
        pytest.param("$UP -v 2>/dev/full", "$DOWN --json >/dev/full", marks=pytest.mark.slow),
        pytest.param(
            "GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=/dev/full $UP", "$DOWN <&- >&- 2>&-", marks=pytest.mark.slow
        ),
    ],
)
def test_a_run_does_its_work_whatever_becomes_of_its_output(here: Workspace, up: str, down: str) -> None:
    before = here.inventory()
    for line in (up, down):
        done = _shell(here, line)
        assert done.stdout.endswith("code 0\n"), done
        assert "Traceback" not in done.stderr
        assert "mistake" not in done.stderr
        assert here.document("dev")["lease"] is None
        if "--log-file" in line:
            assert done.stderr.count("the log /dev/full ends early: No space left on device") == 1
    assert here.inventory() == before


@pytest.mark.parametrize("hang_up", [True, False], ids=["hang-up", "nohup"])
def test_a_terminal_that_is_closed(here: Workspace, hang_up: bool) -> None:
    """Its hang-up ends the run in order; who asked to live through it is done by the time he looks again."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        here.command(*UP),
        cwd=here.folder,
        env=here.environ,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=None if hang_up else lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    os.close(terminal)
    while not here.recorded("dev"):
        os.read(screen, 4096)  # who does not read holds up what is written
    os.close(screen)
    if hang_up:
        process.send_signal(signal.SIGHUP)  # as the system does to the session whose terminal it is
    assert process.wait(timeout=60) == (130 if hang_up else 0)
    assert here.document("dev")["lease"] is None
    here.run(*UP)
