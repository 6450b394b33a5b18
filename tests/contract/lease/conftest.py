"""A real store, with what stands between it and the session; and no writer that outlives its run."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from livekit_deploy.state.store import Store
from tests.contract.lease.attacks import Attacked


@pytest.fixture
def store(kept: Store) -> Attacked:
    return Attacked(kept)


@pytest.fixture(autouse=True)
def _no_writer_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        assert thread.name != "state-writer", "a writer outlives its run"
