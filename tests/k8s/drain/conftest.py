"""A cluster whose pods drain calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.k8s.rig import Sky


@pytest.fixture
def sky() -> Sky:
    """Two nodes of an old group; `grow` adds those of a new one."""
    made = Sky()
    made.specs = [replace(spec, labels={**spec.labels, "eks.amazonaws.com/nodegroup": "old"}) for spec in made.specs]
    return made
