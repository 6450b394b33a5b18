"""Every correction of moto has a probe that passes in the sandbox's AWS and fails on plain moto."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import moto
import pytest
from moto import mock_aws

from livekit_deploy.sandbox.install import MOTO, install
from tests.places import ROOT
from tests.sandbox.corrections import probes
from tests.sandbox.corrections.harness import Probe, ProbedAws


@pytest.fixture(scope="module")
def world() -> Iterator[ProbedAws]:
    with pytest.MonkeyPatch.context() as environ, mock_aws():
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
            environ.delenv(name, raising=False)
        yield ProbedAws(install, window=0.2)  # nobody comes: the lock sees to it


@pytest.mark.parametrize("probe", probes(), ids=lambda probe: str(probe.name))
def test_the_sandbox_does_as_aws(probe: Probe, world: ProbedAws) -> None:
    probe.run(world)


def test_plain_moto_does_not() -> None:
    """In one process of its own, for corrections are made in place; each must fail as it says, not by accident."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.plain_moto"],
        cwd=ROOT,
        env={**environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {one.name: one.fails for one in probes()}


def test_moto_is_the_one_that_the_corrections_are_for() -> None:
    assert moto.__version__ == MOTO == "5.2.5"
