"""An environment that is up, without a thread of its own, whose every answer can be made odd."""

from __future__ import annotations

from tests.kill.conftest import region, standing

__all__ = ["region", "standing"]
