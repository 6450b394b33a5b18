"""A load balancer controller that crashes: `up` says so, and goes on once it runs."""

from __future__ import annotations

import pytest

from tests.sandbox.workspace import Workspace

pytestmark = pytest.mark.slow  # waits out the controller's time limit


def test_up_names_the_crash_and_goes_on_once_it_is_over(here: Workspace) -> None:
    here.run("sandbox", "faults", "add", "dead-controller")
    done = here.run("up", "--env", "dev", "--sandbox", "--yes", code=8)
    assert "helm.release/aws-load-balancer-controller" in done.err
    assert "CrashLoopBackOff" in done.err
    assert "resources are up and recorded" in done.err
    here.run("sandbox", "faults", "clear")
    here.run("up", "--env", "dev", "--sandbox", "--yes")
    here.run("plan", "--env", "dev", "--sandbox", "--detailed-exitcode")
