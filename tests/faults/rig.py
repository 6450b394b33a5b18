"""The engine and the kinds on the sandbox's AWS, with runs whose failures are looked at instead of raised."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from moto import mock_aws

from livekit_deploy.aws.access.cloud import mutates
from livekit_deploy.engine.execute import Execution
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import DeployError
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.faults import calls
from livekit_deploy.sandbox.faults.plan import current, parsed
from livekit_deploy.sandbox.install import install
from tests.aws.rig import REGION, AwsRig

PLAN = "plan"
_ENVIRON = {
    "AWS_ACCESS_KEY_ID": "AKIA123456789012",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
}


class FaultRig(AwsRig):
    """Runs whose outcome is given back; `made` are the calls since it was last asked, as ``service:Operation``."""

    def __init__(self, folder: Path, env: str = "uat") -> None:
        super().__init__(folder, env)
        self._made: list[str] = []

    def _note(self, model: Any, **more: Any) -> None:
        super()._note(model, **more)
        self._made.append(f"{model.service_model.service_name}:{model.name}")

    def made(self, *, mutating: bool = True) -> list[str]:
        found, self._made = self._made, []
        return [one for one in found if mutates(one.partition(":")[2]) is mutating]

    def attempt(self, resources: Sequence[Resource] | None) -> Mapping[str, DeployError]:
        """One `up`, or with None one `down`: what failed, by address; under ``plan`` what kept it from beginning."""
        session = self._session()
        try:
            planner = self._planner()
            planned = planner.down() if resources is None else planner.up(resources)
            execution = Execution(self._run(session), planned)
            return dict((execution.down() if resources is None else execution.up()).failed)
        except DeployError as error:
            return {PLAN: error}
        finally:
            session.release()


@contextlib.contextmanager
def world() -> Iterator[None]:
    """A sandbox's AWS of its own in this process, instant, where botocore's retries wait for nothing."""
    install(SandboxClock(math.inf))
    quick = SimpleNamespace(sleep=lambda seconds: None)
    calls.clear()
    with (
        mock.patch.dict(os.environ, _ENVIRON),
        mock.patch("botocore.endpoint.time", quick),
        mock_aws(),
    ):
        try:
            yield
        finally:
            calls.clear()


@contextlib.contextmanager
def faults(*given: Mapping[str, Any]) -> Iterator[None]:
    """These faults, and none after."""
    current.add(parsed(one) for one in given)
    try:
        yield
    finally:
        calls.clear()
