"""An environment of one VPC, with its state in S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from livekit_deploy.config import load_environment
from livekit_deploy.deployer import Deployer
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import Base


@pytest.fixture
def made(rig: AwsRig, tmp_path: Any) -> Iterator[Deployer]:
    from livekit_deploy.base.clock import Clock
    from tests.faults.test_runs import ENVIRONMENT

    path = tmp_path / "dev.yaml"
    path.write_text(ENVIRONMENT)
    env = load_environment(path, environ={})
    with Deployer(env, resources=[Base().vpc()], clients=rig.new_clients(), clock=Clock()) as deployer:
        yield deployer
