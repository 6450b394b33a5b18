"""A document that is made anew beside another one in use: only who says so by the environment's name gets one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import boto3
import pytest

from livekit_deploy.aws.access.login import Opener
from livekit_deploy.aws.access.tags import OwnershipTags, pairs
from livekit_deploy.cli import asking, options
from livekit_deploy.cli.entry import run
from tests.aws.rig import _boto, account
from tests.unit.environments import HEAD, LIVEKIT

LINEAGE = "11111111-2222-3333-4444-555555555555"
REBUILD = ["state", "rebuild", "--config", "dev.yaml"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder without a document, in an account where an environment lives that another document knows."""
    (tmp_path / "dev.yaml").write_text(HEAD + LIVEKIT + "state: {path: state.json}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with account(), mock.patch.object(Opener, "_open", return_value=_boto()):
        tags = pairs(OwnershipTags("livekit", "dev", LINEAGE).own("ec2.vpc/main"))
        ec2 = boto3.client("ec2", region_name="us-east-1")
        ec2.create_vpc(
            CidrBlock="10.20.0.0/16",
            TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}],
        )
        yield tmp_path


def test_yes_alone_makes_no_second_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*REBUILD, "--yes"]) == 1
    said = capsys.readouterr().err.replace("\n          ", " ")
    assert f"nothing shows that the document of lineage {LINEAGE} was ever at state.json" in said
    assert "add --confirm dev" in said
    assert not (folder / "state.json").exists()


@pytest.mark.parametrize(("typed", "code"), [("y", 1), ("other", 1), ("", 1), ("dev", 0)])
def test_whoever_types_the_name_has_looked(
    typed: str, code: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def answer(_: object, question: str) -> str:
        asked.append(question)
        return typed

    monkeypatch.setattr(options, "interactive", lambda: True)
    monkeypatch.setattr(asking, "interactive", lambda: True)
    monkeypatch.setattr(asking, "answer", answer)
    assert run(REBUILD) == code
    said = capsys.readouterr()
    assert "both would change the same objects" in said.out.replace("\n", " ")
    assert asked == ["No other state document of it is in use? Type its name:"]
    assert (folder / "state.json").exists() is (code == 0)


def test_its_name_may_be_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*REBUILD, "--confirm", "other"]) == 3
    assert run([*REBUILD, "--confirm", "dev"]) == 0
    assert (folder / "state.json").exists()
    assert run([*REBUILD, "--yes"]) == 0, "it is here now"
    capsys.readouterr()
