"""Targets that take their time to be healthy."""

from __future__ import annotations

import pytest

from tests.k8s.controller.bindings import Slow
from tests.k8s.rig import Sky


@pytest.fixture
def sky(request: pytest.FixtureRequest) -> Sky:
    return Slow() if "slow_targets" in request.fixturenames else Sky()


@pytest.fixture
def slow_targets() -> None:
    """Asked for by a test whose targets take their time."""
