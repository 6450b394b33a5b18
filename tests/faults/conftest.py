"""The sandbox's AWS in this process, with a fault plan that is empty before and after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from livekit_deploy.sandbox.faults import calls
from livekit_deploy.sandbox.faults.plan import current, parsed
from tests.aws.conftest import aws, rig
from tests.sandbox.conftest import _instant, here

__all__ = ["_instant", "aws", "here", "rig"]

Set = Callable[..., None]


@pytest.fixture
def fault(aws: None) -> Iterator[Set]:
    """Sets a fault: ``fault("throttling", "ec2:CreateVpc", times=2)``."""

    def add(name: str, call: str = "", **more: Any) -> None:
        current.add([parsed({"fault": name, "call": call, **more})])

    calls.clear()
    yield add
    calls.clear()
