"""The log: every call with its service, operation, time, request id and what it was made for; no secret in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.errors import NotOurs, UsageError
from livekit_deploy.events import Notice
from livekit_deploy.render.log import logging_run
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import Base

Streams = pytest.CaptureFixture[str]


def _up(rig: AwsRig, form: str, file: Path | None, verbose: int) -> None:
    with logging_run(form, str(file) if file else None, verbose, command="up", env="uat") as tell:
        tell(Notice(level="warning", message="the session ends soon"))
        rig.up([Base().vpc()])


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_stderr_shows_what_was_asked_for_and_the_file_everything(rig: AwsRig, tmp_path: Path, capsys: Streams) -> None:
    _up(rig, "json", tmp_path / "run.log", verbose=1)
    shown, kept = _lines(capsys.readouterr().err), _lines((tmp_path / "run.log").read_text())
    assert [(line["event"], line["level"]) for line in shown] == [("command", "info"), ("notice", "warning")]
    assert [line["event"] for line in kept if line["event"] != "call"] == ["command", "notice"]
    assert len({line["run_id"] for line in [*kept, *shown]}) == 1
    created = next(line for line in kept if line.get("operation") == "CreateVpc")
    assert (created["service"], created["address"], created["level"]) == ("ec2", "ec2.vpc/main", "debug")
    assert created["request_id"]
    assert created["seconds"] >= 0
    assert (tmp_path / "run.log").stat().st_mode & 0o777 == 0o600


def test_a_log_that_is_there_is_for_its_owner_only_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text("an earlier run\n")
    path.chmod(0o644)
    with logging_run("json", str(path), 0, command="up"):
        pass
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("an earlier run\n")


def test_vv_shows_every_call_and_nothing_is_logged_afterwards(rig: AwsRig, capsys: Streams) -> None:
    _up(rig, "console", None, verbose=2)
    assert "operation=CreateVpc" in capsys.readouterr().err
    rig.down()
    assert capsys.readouterr().err == ""


def test_the_error_that_ends_the_run_is_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    with pytest.raises(NotOurs), logging_run("json", str(path), 0, command="up"):
        raise NotOurs("it is somebody else's", hint="--adopt it")
    last = _lines(path.read_text())[-1]
    assert (last["event"], last["error"], last["hint"]) == ("error", "NotOurs", "--adopt it")


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: Is a directory"), logging_run("json", str(tmp_path), 0):
        pass
