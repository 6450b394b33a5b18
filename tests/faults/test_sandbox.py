"""Each fault of the sandbox does to a plain boto3 client what its name says, in process and through the server."""

from __future__ import annotations

import functools
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from livekit_deploy.errors import UsageError
from livekit_deploy.sandbox.faults.catalogue import CATALOGUE
from livekit_deploy.sandbox.faults.plan import current, parsed, read
from tests.faults.conftest import Set
from tests.sandbox.workspace import Workspace

CIDR = "10.20.0.0/16"
#: one read of each protocol that AWS speaks
READS = [
    ("ec2", "describe_vpcs", {}),
    ("iam", "list_roles", {}),
    ("eks", "list_clusters", {}),
    ("s3", "get_object", {"Bucket": "b", "Key": "k"}),
    ("route53", "list_hosted_zones", {}),
    ("kms", "list_keys", {}),
]


@functools.cache
def client(service: str) -> Any:
    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))


@pytest.mark.parametrize(("service", "operation", "asked"), READS)
def test_a_refusal_speaks_the_protocol_of_its_service(
    service: str, operation: str, asked: dict[str, str], fault: Set
) -> None:
    for name, kind in CATALOGUE.items():
        if kind.effect != "refuse":
            continue
        fault(name, f"{service}:*", times=1)
        with pytest.raises(ClientError) as caught:
            getattr(client(service), operation)(**asked)
        said = caught.value.response
        assert said["Error"]["Code"] == kind.code(service, "")
        assert said["Error"]["Message"]
        assert said["ResponseMetadata"]["RequestId"] not in ("", "request-id")
        assert said["ResponseMetadata"]["HTTPStatusCode"] == kind.status


def test_it_strikes_the_calls_that_it_is_told_to(fault: Set) -> None:
    ec2 = client("ec2")
    fault("throttling", "ec2:CreateVpc", after=1, times=2, where={"CidrBlock": "10.*"})
    ended = []
    for cidr in (CIDR, "192.168.0.0/16", CIDR, CIDR, CIDR):
        try:
            ec2.create_vpc(CidrBlock=cidr)
            ended.append("made")
        except ClientError:
            ended.append("refused")
    assert ended == ["made", "made", "refused", "refused", "made"]
    assert [one["struck"] for one in current.listed()] == [2]


def test_a_denial_names_the_action_and_the_principal(fault: Set) -> None:
    fault("denied", "elbv2:DescribeLoadBalancers")
    with pytest.raises(ClientError, match=r"arn:aws:iam::123456789012:user/\S+ .*elasticloadbalancing:Describe"):
        client("elbv2").describe_load_balancers()


@pytest.mark.parametrize(("name", "made"), [("reset-before", 0), ("reset-after", 1), ("hang", 0)])
def test_a_lost_connection_loses_the_request_or_the_answer(name: str, made: int, fault: Set) -> None:
    fault(name, "ec2:CreateVpc", times=1)
    with pytest.raises(ReadTimeoutError if name == "hang" else ConnectionClosedError):
        client("ec2").create_vpc(CidrBlock=CIDR)
    assert len(client("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": [CIDR]}])["Vpcs"]) == made


def test_what_was_made_is_missing_from_the_next_reads_and_can_be_written_to(fault: Set) -> None:
    ec2 = client("ec2")
    fault("not-visible", "ec2:CreateVpc", times=1, reads=2)
    id = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    with pytest.raises(ClientError, match=r"InvalidVpcID\.NotFound"):
        ec2.describe_vpcs(VpcIds=[id])
    ec2.create_subnet(VpcId=id, CidrBlock="10.20.0.0/20")
    assert id not in {one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]}
    assert id in {one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]}


def test_a_zone_without_capacity_is_told_by_the_subnets_of_the_call(fault: Set) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    fault("no-capacity", "ec2:CreateNetworkInterface", where={"zone": "us-east-1b"})
    for letter, part in (("a", 0), ("b", 16)):
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{part}.0/20", AvailabilityZone=f"us-east-1{letter}")
        if letter == "a":
            ec2.create_network_interface(SubnetId=made["Subnet"]["SubnetId"])
        else:
            with pytest.raises(ClientError, match="InsufficientInstanceCapacity"):
                ec2.create_network_interface(SubnetId=made["Subnet"]["SubnetId"])


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("- fault: throtling", "entry 1.*throtling.*did you mean throttling"),
        ("- fault: denied\n- fault: hang\n  often: 3", "entry 2.*no often"),
        ("- {fault: hang, times: often}", "times is 'often'"),
        ("- {fault: hang, where: here}", "where is not a list"),
        ("fault: hang", "not a list"),
        ("- [", "1:4: expected the node content"),
    ],
)
def test_a_plan_that_cannot_be_read_says_what_is_wrong(given: str, names: str) -> None:
    with pytest.raises(UsageError, match=f"(?s)faults.yaml.*{names}") as caught:
        read(given, "faults.yaml")
    assert caught.value.hint


def test_a_fault_is_written_as_it_is_read() -> None:
    given = {"fault": "not-visible", "call": "ec2:CreateVpc", "after": 1, "times": 2, "where": {"A": "b"}, "reads": 3}
    assert parsed(given).plain() == given


def test_the_command_line_sets_lists_and_lifts_faults_of_the_running_sandbox(here: Workspace) -> None:
    (here.folder / "faults.yaml").write_text("- {fault: reset-after, call: 'ec2:CreateVpc', times: 1}\n")
    here.run("sandbox", "faults", "load", "faults.yaml")
    here.run("sandbox", "faults", "add", "denied", "ec2:CreateSubnet", "--where", "CidrBlock=10.*")
    ec2 = _reaching(here)
    with pytest.raises(ConnectionClosedError):
        ec2.create_vpc(CidrBlock=CIDR)
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": [CIDR]}])["Vpcs"]
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.20.0.0/20")
    told = here.run("sandbox", "faults", "list").out
    assert "struck 1 of 1" in told
    assert "denied" in told
    here.run("sandbox", "faults", "add", "hang", "ec2:DescribeVpcs")
    with pytest.raises(ReadTimeoutError):
        _reaching(here, read_timeout=1).describe_vpcs()
    assert "all faults cleared" in here.run("sandbox", "faults", "clear").out
    ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.20.0.0/20")
    assert "did you mean denied" in here.run("sandbox", "faults", "add", "denid", code=3).err


def _reaching(here: Workspace, **config: Any) -> Any:
    sandbox = here.sandbox
    return boto3.client(
        "ec2",
        endpoint_url=sandbox.endpoint_url,
        region_name=sandbox.region,
        aws_access_key_id=sandbox.access_key,
        aws_secret_access_key=sandbox.secret_key,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )
