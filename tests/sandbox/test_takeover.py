"""The lease ends while helm runs: helm ends with it, and what a late helm still does is put right by the next run."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.binaries import helm_replaced
from tests.sandbox.interrupting import MARK, UP, all_gone
from tests.sandbox.workspace import Workspace

LEASE = 30  # seconds: longer than what a busy machine needs between two writes
#: the real helm, but for a change of LiveKit's release: that one says its process and hangs first, or halfway
_WRAPPER = """#!/bin/sh
case "$1 $*" in upgrade*livekit-server*|install*livekit-server*) ;; *) exec {helm} "$@" ;; esac
[ "$(cat {mode})" = runs ] && exec {helm} "$@"
echo $$ > {begun}.new && mv {begun}.new {begun}
[ "$(cat {mode})" = hangs ] && exec sleep 600
exec {helm} "$@"
"""

pytestmark = pytest.mark.slow


class Watched:
    """helm first on the PATH of a workspace, whose process is known as soon as it changes LiveKit's release."""

    def __init__(self, here: Workspace, folder: Path) -> None:
        self._begun, self._mode = folder / "begun", folder / "mode"
        self.path = helm_replaced(folder, _WRAPPER, here.environ["PATH"], begun=self._begun, mode=self._mode)
        self.will("runs")

    def will(self, mode: str) -> None:
        """``runs`` undisturbed, ``hangs``, or is ``seen``: runs, and its process is told."""
        self._mode.write_text(mode)

    def process(self) -> int:
        """The process of helm, once it has begun."""
        end = time.monotonic() + 100
        while not self._begun.exists():
            assert time.monotonic() < end, "helm never began"
            time.sleep(0.01)
        return int(self._begun.read_text())


@pytest.fixture
def helm(here: Workspace, tmp_path: Path) -> Iterator[Watched]:
    here.edit("dev", state={"lease_seconds": LEASE})
    yield Watched(here, tmp_path)
    here.fail()


def test_a_holder_that_cannot_renew_ends_its_helm_and_calls_nothing_more(here: Workspace, helm: Watched) -> None:
    helm.will("hangs")
    mark = uuid.uuid4().hex
    run = here.start(*UP, PATH=helm.path, **{MARK: mark})
    helm.process()
    here.fail({"fault": "error-503", "call": "s3:PutObject"})
    told = time.time()
    done = here.end(run)
    assert done.code == 1, done.said
    assert "the state cannot be written" in done.said
    assert "state restore --env dev" in done.said, "the rescue copy"
    assert "did not end within" not in done.said, "helm was ended with the lease, not by its own time limit"
    all_gone(mark)
    ends = told + LEASE  # the last write may have been answered right before the store failed
    late = [call for call in here.changes(0) if call["at"] > ends]
    assert late == []
    here.fail()
    helm.will("runs")
    assert "LiveKit answers" in here.run(*UP, PATH=helm.path).out
    assert "No changes" in here.run("plan", *UP[1:4], "--detailed-exitcode").out


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.3])
def test_a_late_helm_of_a_holder_that_lost_its_lease_is_put_right(
    here: Workspace, helm: Watched, moment: float
) -> None:
    """Both are stopped past the lease, somebody else changes the same release, and both go on."""
    here.run(*UP, PATH=helm.path)
    helm.will("seen")
    mark = uuid.uuid4().hex
    stale = ("--set", "livekit.settings.room.empty_timeout=120")
    fresh = ("--set", "livekit.settings.room.empty_timeout=600")
    first = here.start(*UP, *stale, PATH=helm.path, **{MARK: mark})
    late = helm.process()
    time.sleep(moment)
    os.kill(first.pid, signal.SIGSTOP)
    _told(late, signal.SIGSTOP)
    try:
        helm.will("runs")
        here.run(*UP, *fresh, PATH=helm.path)
        calls = len(here.calls())
    finally:
        _told(late, signal.SIGCONT)
        os.kill(first.pid, signal.SIGCONT)
    done = here.end(first)
    assert done.code in (5, 8), done.said
    all_gone(mark)
    assert here.changes(calls) == []
    here.run(*UP, *fresh, PATH=helm.path)
    assert "No changes" in here.run("plan", *UP[1:4], *fresh, "--detailed-exitcode").out
    assert here.document("dev")["lease"] is None


def _told(helm: int, number: signal.Signals) -> None:
    """On a quick machine it may have ended by the last of the moments: then only its run is late."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(helm, number)
