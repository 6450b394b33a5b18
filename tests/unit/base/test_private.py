"""Files for their owner only: written so, whatever the mask is, and whoever could read the file before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from livekit_deploy.base import private_files
from livekit_deploy.state.store import FileStore


@pytest.fixture(autouse=True)
def nothing_masked() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_and_one_that_others_could_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    for _ in range(2):
        private_files.write(path, "x")
        assert (path.read_text(), _mode(path)) == ("x", 0o600)
        path.chmod(0o666)


def test_a_state_file_and_its_history(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "uat.json")
    etag = store.put(b"{}", None)
    store.path.chmod(0o666)
    store.put(b"[]", etag)
    store.archive("1.json", b"{}")
    assert {_mode(path) for path in tmp_path.rglob("*.json")} == {0o600}
