"""A working directory with the shipped environments, in which nobody asks AWS."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from livekit_deploy.aws.access.clients import Clients
from tests.places import ROOT


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the shipped environments, in which any client of AWS is a failure."""

    def no_client(*_: object, **__: object) -> None:
        raise AssertionError("AWS was asked")

    shutil.copytree(ROOT / "manifests" / "environments", tmp_path / "manifests" / "environments")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Clients, "__call__", no_client)
    for name in [name for name in os.environ if name.startswith("LIVEKIT_DEPLOY_")]:
        monkeypatch.delenv(name)
    return tmp_path
