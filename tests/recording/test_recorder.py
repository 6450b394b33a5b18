"""A record is written as the calls are made, for its owner only, and no run fails by it."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.errors import UsageError
from livekit_deploy.recording.recorder import Recorder
from tests.aws.rig import REGION, account
from tests.recording.format import RECORD

ROLE = "arn:aws:iam::123456789012:role/canary"
Line = dict[str, Any]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-key")
    with account():
        yield


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path / "a.jsonl").begin("up", "1.0")
    yield made
    made.close()


def _lines(recorder: Recorder) -> list[Line]:
    found = [json.loads(line) for line in recorder.path.read_text(encoding="utf-8").splitlines()]
    for line in found:
        jsonschema.validate(line, RECORD)
    return found


def test_each_call_is_in_it_as_soon_as_it_is_answered(recorder: Recorder) -> None:
    ec2 = Clients(REGION, listen=recorder.listen)("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    header, made = _lines(recorder)
    assert header.items() >= {"type": "record", "command": "up", "version": "1.0"}.items()
    assert "sandbox_speed" not in header
    ec2.describe_vpcs(VpcIds=[vpc])
    *_, looked = _lines(recorder)
    assert (made["call"], looked["call"], looked["attempt"]) == (1, 2, 1)
    assert (looked["service"], looked["operation"]) == ("ec2", "DescribeVpcs")
    assert 0 <= made["at"] <= looked["at"]
    assert looked["sent"]["VpcIds"] == [looked["answer"]["Vpcs"][0]["VpcId"]] == [made["answer"]["Vpc"]["VpcId"]]
    assert vpc not in recorder.path.read_text(encoding="utf-8")


def test_an_error_keeps_its_code_and_its_words(recorder: Recorder) -> None:
    ec2 = Clients(REGION, listen=recorder.listen)("ec2")
    with pytest.raises(ClientError):
        ec2.describe_subnets(SubnetIds=["subnet-0ca9a70ca9a70ca9a"])
    error = _lines(recorder)[-1]["error"]
    assert (error["code"], error["status"]) == ("InvalidSubnetID.NotFound", 400)
    assert error["message"].startswith("The subnet ID '<")
    assert error["message"].endswith("' does not exist")


def test_every_attempt_of_a_call_is_a_line(recorder: Recorder) -> None:
    clients = Clients(REGION, listen=recorder.listen, endpoint_url="http://127.0.0.1:9", call_bound=2.0)
    with pytest.raises(EndpointConnectionError):
        clients("ec2").describe_vpcs()
    _, *calls = _lines(recorder)
    assert [line["attempt"] for line in calls] == list(range(1, len(calls) + 1))
    assert len(calls) > 1
    assert {line["failed"] for line in calls} == {"EndpointConnectionError"}
    assert {line["call"] for line in calls} == {1}


def test_calls_for_credentials_and_in_other_regions_are_in_it(recorder: Recorder) -> None:
    clients = Clients(REGION, role_arn=ROLE, listen=recorder.listen)
    clients("sts").get_caller_identity()
    clients.beside("eu-west-1", call_bound=5.0)("ec2").describe_vpcs()
    _, assumed, *others = _lines(recorder)
    assert assumed["operation"] == "AssumeRole"
    assert assumed["answer"]["Credentials"]["SecretAccessKey"] == "<secret>"
    assert [line["operation"] for line in others] == ["GetCallerIdentity", "DescribeVpcs"]
    assert others[0]["region"] != others[1]["region"]


def test_it_is_for_its_owner_and_takes_no_others_place(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    before = os.umask(0)
    try:
        recorder = Recorder(path).begin("up", "1.0")
    finally:
        os.umask(before)
    assert recorder.begin("up", "1.0") is recorder  # a command may open it again
    recorder.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(UsageError, match=r"a\.jsonl exists already"):
        Recorder(path).begin("up", "1.0")
    with pytest.raises(UsageError, match="cannot be written"):
        Recorder(tmp_path / "none" / "a.jsonl").begin("up", "1.0")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1


def test_a_run_whose_record_cannot_be_written_on_goes_on(recorder: Recorder, tmp_path: Path) -> None:
    ec2 = Clients(REGION, listen=recorder.listen)("ec2")
    ec2.describe_vpcs()
    assert recorder._file is not None
    full = os.open(tmp_path, os.O_RDONLY)
    os.dup2(full, recorder._file)
    os.close(full)
    assert ec2.describe_vpcs()["Vpcs"]
    assert recorder.lost
    assert [line.get("call") for line in _lines(recorder)] == [None, 1]


def test_times_are_those_of_the_attempt(recorder: Recorder) -> None:
    began = time.monotonic()
    Clients(REGION, listen=recorder.listen)("ec2").describe_vpcs()
    line = _lines(recorder)[-1]
    assert 0 <= line["at"] + line["seconds"] <= time.monotonic() - began + 1


def test_an_answer_that_cannot_be_read_gets_through_and_the_record_says_so(recorder: Recorder) -> None:
    ec2 = Clients(REGION, listen=recorder.listen)("ec2")

    def no_region(context: dict[str, Any], **_: Any) -> None:
        context["client_region"] = 7

    ec2.meta.events.register("request-created", lambda request, **_: no_region(request.context))
    assert ec2.describe_vpcs()["Vpcs"]
    assert recorder.lost == "an answer could not be read (TypeError)"
