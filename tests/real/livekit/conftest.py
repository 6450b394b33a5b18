"""The two servers that everything here is shown with, and a site with either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.real.livekit.site import Site
from tests.real.recipes import LIVEKIT, program

_WAITING = ("test_redis_failures.py", "test_outages.py", "test_endings.py")


@pytest.fixture(params=["newest", "oldest"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site with the newest server, and once more with the oldest that is supported."""
    with _opened(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def newest(tmp_path: Path) -> Iterator[Site]:
    """A site with the newest server only: what is shown does not depend on its version."""
    with _opened("newest", tmp_path) as found:
        yield found


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[Site]]:
    """Sites with either, for what takes so long that both are waited for at once."""
    with ExitStack() as ends:
        yield [ends.enter_context(_opened(version, tmp_path / version)) for version in LIVEKIT]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What mostly waits begins first, so that the rest runs meanwhile."""
    items.sort(key=lambda item: [item.path.name != name for name in _WAITING])


@contextmanager
def _opened(version: str, folder: Path) -> Iterator[Site]:
    folder.mkdir(exist_ok=True)
    found = Site(folder, program(LIVEKIT[version]), LIVEKIT[version].version)
    try:
        yield found
    finally:
        found.close()
