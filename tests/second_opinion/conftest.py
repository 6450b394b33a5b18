"""An account of the emulator for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.cases import ZONE
from tests.second_opinion.account import Account
from tests.second_opinion.emulator import Emulator


@pytest.fixture
def account(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    made = Account(emulator, tmp_path)
    made.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    return made
