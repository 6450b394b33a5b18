"""An environment that is up, without a thread of its own, whose every answer can be made odd."""

from __future__ import annotations

import pytest

from tests.kill.conftest import region, seed, standing

__all__ = ["region", "seed", "standing"]


@pytest.fixture
def every_enum_has_a_meaning() -> None:
    """Not held here: these tests put answers of their own in the place of AWS's."""
