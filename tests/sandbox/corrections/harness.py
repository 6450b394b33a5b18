"""Runs a probe in either world, the sandbox's AWS or plain moto, and says how it ended.

A probe's docstring is its row in tests/sandbox/README.md: the first paragraph says what plain moto does, the second
what AWS does. Probes share one account, so each makes what it needs under names of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ClientError

from livekit_deploy.sandbox.clock import SandboxClock

ACCOUNT, REGION = "123456789012", "us-east-1"
Run = Callable[["ProbedAws"], None]


@dataclass(frozen=True)
class Probe:
    """``fails`` is how it ends on plain moto: an AWS error code, or the name of an exception."""

    name: str
    service: str
    moto: str
    aws: str
    fails: str
    run: Run


PROBES: dict[str, Probe] = {}


def probe(service: str, *, fails: str = "AssertionError") -> Callable[[Run], Run]:
    """Register a function as the probe of one correction."""

    def register(run: Run) -> Run:
        moto, aws = (" ".join(part.split()) for part in str(run.__doc__).split("\n\n"))
        name = run.__name__
        assert name not in PROBES
        PROBES[name] = Probe(name, service, moto, aws, fails, run)
        return run

    return register


class Network(NamedTuple):
    """A VPC with its Internet gateway and a subnet in each of two zones."""

    vpc: str
    gateway: str
    subnets: list[str]


class ProbedAws:
    """AWS as a probe sees it: ``world.ec2`` is a boto3 client; AWS's waits take no time outside `unhurried`.

    ``window`` is how many seconds a writer waits, between its check and its write, for a second one to get there too.
    ``client`` makes the clients, by the service's name.
    """

    def __init__(
        self, set_clock: Callable[[SandboxClock], None], window: float, client: Callable[[str], Any] | None = None
    ) -> None:
        self.window = window
        self._client = client or boto3.Session(f"AKIA{ACCOUNT}", "testing", region_name=REGION).client
        self._clients: dict[str, Any] = {}
        self._numbers = itertools.count(1)
        self._set_clock = set_clock
        self._moment = 0.0
        self._hurry()

    def __getattr__(self, service: str) -> Any:
        name = service.replace("_", "-")
        if name not in self._clients:
            self._clients[name] = self._client(name)
        return self._clients[name]

    def name(self, stem: str) -> str:
        """A name that nothing else here has."""
        return f"{stem}-{next(self._numbers)}"

    @contextmanager
    def unhurried(self) -> Iterator[Callable[[float], None]]:
        """AWS's time stands still but for what is passed to the function given."""

        def later(seconds: float) -> None:
            self._moment += seconds

        self._set_clock(SandboxClock(1.0, lambda: self._moment))
        try:
            yield later
        finally:
            self._hurry()

    def _hurry(self) -> None:
        self._set_clock(SandboxClock(math.inf, lambda: self._moment))

    # ---- what many probes need

    def network(self) -> Network:
        vpc = self.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        return Network(vpc, gateway, [self._subnet(vpc, number, zone) for number, zone in enumerate("ab")])

    def _subnet(self, vpc: str, number: int, zone: str) -> str:
        said = self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        return str(said["Subnet"]["SubnetId"])

    def group(self, vpc: str) -> str:
        said = self.ec2.create_security_group(GroupName=self.name("group"), Description="probe", VpcId=vpc)
        return str(said["GroupId"])

    def address(self) -> str:
        return str(self.ec2.allocate_address(Domain="vpc")["AllocationId"])

    def role(self, service: str = "eks.amazonaws.com") -> str:
        trust = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
            f'"Principal":{{"Service":"{service}"}}}}]}}'
        )
        made = self.iam.create_role(RoleName=self.name("role"), AssumeRolePolicyDocument=trust)
        return str(made["Role"]["Arn"])

    def cluster(self, **more: Any) -> dict[str, Any]:
        """A cluster as `describe_cluster` shows it once it is active."""
        name = self.name("cluster")
        vpc = {"subnetIds": self.network().subnets, **more.pop("resourcesVpcConfig", {})}
        asked = {"version": "1.35", "roleArn": self.role(), "accessConfig": {"authenticationMode": "API"}, **more}
        self.eks.create_cluster(name=name, resourcesVpcConfig=vpc, **asked)
        return self.seen(name)

    def seen(self, cluster: str) -> dict[str, Any]:
        found: dict[str, Any] = self.eks.describe_cluster(name=cluster)["cluster"]
        return found


@contextmanager
def refused(code: str, words: str = "") -> Iterator[None]:
    """What is inside must be refused with this error code, and in words that hold these."""
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        assert said["Code"] == code, f"refused with {said['Code']}: {said['Message']}"
        assert words in said["Message"], f"refused with the words: {said['Message']}"
    else:
        raise AssertionError(f"not refused with {code}")


def failure(probe: Probe, world: ProbedAws) -> str | None:
    """How it ended: None, an AWS error code or the name of an exception."""
    try:
        probe.run(world)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except Exception as error:  # noqa: BLE001  whatever plain moto does is the answer
        return type(error).__name__
    return None
