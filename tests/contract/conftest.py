"""The rig of the AWS tests, for the contract of the kinds, and the stores that keep a state document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from livekit_deploy.state.store import Store
from tests.aws.conftest import aws, rig
from tests.contract import stores
from tests.second_opinion.emulator import Emulator

__all__ = ["aws", "rig"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kept" in metafunc.fixturenames:
        metafunc.parametrize("kept", metafunc.module.KEPT, indirect=True)


@pytest.fixture
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Where a state document is kept; nothing is there yet."""
    if request.param == "disk":
        yield stores.on_disk(tmp_path)
    elif request.param == "sandbox":
        with stores.in_the_sandbox() as store:
            yield store
    else:
        emulator: Emulator = request.getfixturevalue("emulator")
        number = emulator.account()
        server = stores.Server(emulator.endpoint_url, number, emulator.secret_key, number, f"state-{number}")
        yield stores.on(server)
