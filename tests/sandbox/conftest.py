"""One instant sandbox for each test process, emptied between tests; a slower one for tests that need time to pass."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.workspace import Workspace


@pytest.fixture(scope="session")
def _instant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = Workspace(tmp_path_factory.mktemp("instant"), math.inf)
    yield made
    made.stop()


@pytest.fixture
def here(_instant: Workspace) -> Workspace:
    """A workspace whose AWS takes no time and has nothing in it but a hosted zone."""
    _instant.sandbox  # noqa: B018  starts it
    _instant.reset()
    return _instant


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose AWS takes its time, divided by 100: an `up` takes about 12 seconds."""
    made = Workspace(tmp_path, 100.0)
    made.sandbox  # noqa: B018  starts it
    yield made
    made.stop()
