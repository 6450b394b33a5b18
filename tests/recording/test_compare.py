"""A record made in the sandbox compares clean, and whatever is changed in one is named, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.recording.names import Names
from livekit_deploy.recording.recorder import Recorder
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.compare.__main__ import main
from livekit_deploy.sandbox.install import install
from tests.aws.rig import REGION

Line = dict[str, Any]
Change = Callable[[list[Line]], None]
_EKS = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [_EKS]})


class _Time:
    now = 0.0


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with a NAT gateway, a role, a cache and a secret: made, waited for, refused, and deleted."""
    path, time = tmp_path_factory.mktemp("record") / "life.jsonl", _Time()
    install(SandboxClock(1.0, lambda: time.now))
    with mock_aws(), pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ACCESS_KEY_ID", "AKIA123456789012")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        recorder = Recorder(path, Names(b"key")).begin("up", "0", 1.0)
        _life(Clients(REGION, listen=recorder.listen), time)
        recorder.close()
    return path


def _make_redis(cache: Any, subnet: str) -> None:
    cache.create_cache_subnet_group(
        CacheSubnetGroupName="canary-redis", CacheSubnetGroupDescription="for a test", SubnetIds=[subnet]
    )
    cache.create_replication_group(
        ReplicationGroupId="canary-redis",
        ReplicationGroupDescription="for a test",
        CacheSubnetGroupName="canary-redis",
        CacheNodeType="cache.t4g.small",
        Engine="valkey",
        AuthToken="a-secret-of-canaries",
        TransitEncryptionEnabled=True,
    )


def _life(aws: Clients, time: _Time) -> None:
    ec2, cache = aws("ec2"), aws("elasticache")
    mine = [{"Key": "livekit-deploy:env", "Value": "canary"}, {"Key": "team", "Value": "7"}]
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": mine}])["Vpc"][
        "VpcId"
    ]
    zones = [one["ZoneName"] for one in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.16.0/20", AvailabilityZone=zones[0])["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    _make_redis(cache, subnet)
    aws("iam").create_role(RoleName="canary", AssumeRolePolicyDocument=TRUST)
    secret = aws("secretsmanager").create_secret(Name="canary/redis", SecretString="another secret")["ARN"]

    def look() -> None:
        ec2.describe_nat_gateways(NatGatewayIds=[nat])
        cache.describe_replication_groups(ReplicationGroupId="canary-redis")
        ec2.describe_vpcs(Filters=[{"Name": "tag:livekit-deploy:env", "Values": ["canary"]}])

    for time.now in (1.0, 30.0, 300.0, 900.0):
        look()
    with pytest.raises(ClientError):
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    cache.delete_replication_group(ReplicationGroupId="canary-redis")
    look()
    for time.now in (1000.0, 2500.0):
        ec2.describe_nat_gateways(NatGatewayIds=[nat])
    with pytest.raises(ClientError):
        cache.describe_replication_groups(ReplicationGroupId="canary-redis")
    aws("secretsmanager").delete_secret(SecretId=secret)


def _changed(recorded: Path, tmp_path: Path, change: Change) -> Path:
    lines = [json.loads(line) for line in recorded.read_text(encoding="utf-8").splitlines()]
    change(lines)
    path = tmp_path / "changed.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return path


def _calls(lines: list[Line], operation: str) -> Iterator[Line]:
    yield from (line for line in lines[1:] if line["operation"] == operation)


def _found(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[Line]]:
    code = main([str(path), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["left_out"] == {}
    return code, said["differences"]


def test_a_record_of_the_sandbox_compares_clean(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _found(recorded, capsys) == (0, [])
    assert main([str(recorded)]) == 0
    assert re.fullmatch(r"0 differences in \d\d calls\n", capsys.readouterr().out)


def _another_order(lines: list[Line]) -> None:
    for line in _calls(lines, "CreateNatGateway"):
        line["answer"]["NatGateway"]["State"] = "available"
    for line in _calls(lines, "DescribeNatGateways"):
        (gateway,) = line["answer"]["NatGateways"]
        gateway["State"] = gateway["State"].replace("pending", "available")


def _another_code(lines: list[Line]) -> None:
    (line,) = _calls(lines, "DeleteSubnet")
    line["error"]["code"] = "OperationNotPermitted"


def _no_error(lines: list[Line]) -> None:
    (line,) = _calls(lines, "DeleteSubnet")
    del line["error"]
    line["answer"] = {}


def _another_default(lines: list[Line]) -> None:
    for line in _calls(lines, "DescribeVpcs"):
        line["answer"]["Vpcs"][0]["InstanceTenancy"] = "dedicated"


def _one_more_field(lines: list[Line]) -> None:
    for line in _calls(lines, "DescribeVpcs"):
        line["answer"]["Vpcs"][0]["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": "off"}


def _one_field_less(lines: list[Line]) -> None:
    (line,) = _calls(lines, "CreateSubnet")
    del line["answer"]["Subnet"]["MapPublicIpOnLaunch"]


def _another_form(lines: list[Line]) -> None:
    for line in _calls(lines, "DescribeReplicationGroups"):
        for group in line.get("answer", {}).get("ReplicationGroups", ()):
            group["ARN"] = group["ARN"].replace(":replicationgroup:", ":replicationgroup/")


CHANGES: dict[str, tuple[Change, Line]] = {
    "order": (
        _another_order,
        {
            "kind": "states",
            "call": "ec2.CreateNatGateway",
            "where": "State",
            "aws": "available → deleting → deleted",
            "sandbox": "pending → available → deleting → deleted",
        },
    ),
    "code": (
        _another_code,
        {"kind": "error", "call": "ec2.DeleteSubnet", "where": "", "aws": "OperationNotPermitted"},
    ),
    "no error": (_no_error, {"kind": "error", "call": "ec2.DeleteSubnet", "where": "", "aws": "answers"}),
    "default": (
        _another_default,
        {"kind": "value", "call": "ec2.DescribeVpcs", "where": "Vpcs[].InstanceTenancy", "aws": "dedicated"},
    ),
    "one more": (
        _one_more_field,
        {"kind": "missing", "call": "ec2.DescribeVpcs", "where": "Vpcs[].BlockPublicAccessStates"},
    ),
    "one less": (
        _one_field_less,
        {"kind": "extra", "call": "ec2.CreateSubnet", "where": "Subnet.MapPublicIpOnLaunch"},
    ),
    "form": (
        _another_form,
        {"kind": "form", "call": "elasticache.DescribeReplicationGroups", "where": "ReplicationGroups[].ARN"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_different_is_named_and_nothing_else(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, expected = CHANGES[name]
    code, found = _found(_changed(recorded, tmp_path, change), capsys)
    assert code == 2
    assert [{key: one[key] for key in expected} for one in found] == [expected]


def test_the_table_has_a_line_for_each(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _changed(recorded, tmp_path, _another_default)
    assert main([str(path)]) == 2
    head, line, end = capsys.readouterr().out.splitlines()
    assert head.split() == ["call", "what", "where", "AWS", "sandbox", "times", "line"]
    assert line.split()[:5] == ["ec2.DescribeVpcs", "value", "Vpcs[].InstanceTenancy", "dedicated", "default"]
    assert end.startswith("1 differences in ")


def test_what_stood_before_a_record_began_is_left_out(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def later(lines: list[Line]) -> None:
        del lines[1 : 1 + next(i for i, line in enumerate(lines[1:]) if line["operation"] == "DescribeNatGateways")]

    assert main([str(_changed(recorded, tmp_path, later)), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert sum(said["left_out"].values()) > 10


def test_what_is_no_record_is_refused(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "no.jsonl"
    for text in ("", "{}", "no json", '{"type": "record", "format_version": 99}'):
        path.write_text(text, encoding="utf-8")
        assert main([str(path)]) == 3
        assert "--record" in capsys.readouterr().err
    assert main([str(tmp_path / "none.jsonl")]) == 3
    other = _changed(recorded, tmp_path, lambda lines: lines[0].update(family="another"))
    assert main([str(recorded), str(other)]) == 3
    assert "do not belong together" in capsys.readouterr().err
