"""The two servers that everything here is shown with, and a site with either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.livekit.site import Site
from tests.real.recipes import LIVEKIT, program


@pytest.fixture(params=["newest", "oldest"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site with the newest server, and once more with the oldest that is supported."""
    yield from _site(request.param, tmp_path)


@pytest.fixture
def newest(tmp_path: Path) -> Iterator[Site]:
    """A site with the newest server only: what is shown does not depend on its version."""
    yield from _site("newest", tmp_path)


def _site(version: str, folder: Path) -> Iterator[Site]:
    found = Site(folder, program(LIVEKIT[version]), LIVEKIT[version].version)
    yield found
    found.close()
