"""A small stack on the cloud in memory, and what was asked of that cloud."""

from __future__ import annotations

from livekit_deploy.engine.resource import Resource
from tests.fakes import Fake, FakePool


def stack(size: int = 1, zone: str = "a", extra: int = 0) -> list[Resource]:
    root = Fake("root")
    left = Fake("left", parents=[root.id], size=size)
    right = Fake("right", parents=[root.id])
    pool = FakePool("pool", parents=[left.id, right.id], zone=zone)
    return [pool, left, root, right, *(Fake(f"extra-{n}", parents=[root.id]) for n in range(extra))]
