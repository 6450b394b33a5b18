"""The sandbox's AWS in this process, at instant speed, without the developer's own credentials."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.install import install
from tests.aws.rig import REGION, AwsRig, sharing


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    install(SandboxClock(math.inf))
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", sharing())
        yield


@pytest.fixture
def rig(aws: None, tmp_path: Path) -> AwsRig:
    return AwsRig(tmp_path)
