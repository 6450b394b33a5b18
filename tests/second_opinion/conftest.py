"""An account of the emulator for each test."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import boto3
import pytest

from tests.aws.rig import sharing
from tests.contract.kinds.case import ZONE
from tests.second_opinion.account import Account
from tests.second_opinion.emulator import Emulator


@pytest.fixture
def account(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    made = Account(emulator, tmp_path)
    others = sharing(made.number, emulator.secret_key)  # what they do: tests/contract/kinds
    monkeypatch.setattr(others, "client", partial(others.client, endpoint_url=emulator.endpoint_url))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", others)
    made.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    return made
