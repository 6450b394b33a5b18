"""One environment file for each test of what it costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.environments import File


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "uat.yaml")
