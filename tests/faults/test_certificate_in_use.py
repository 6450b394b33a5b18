"""A certificate that somebody else's load balancer uses when `down` wants to delete it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.text import Text

from livekit_deploy.aws.kinds.dns.certificates import Certificate
from livekit_deploy.config import load_environment
from livekit_deploy.errors import Incomplete, TimedOut
from livekit_deploy.events import Event, Progress
from livekit_deploy.render import failure
from livekit_deploy.sandbox.aws.acm import corrections as acm
from tests.contract.kinds.case import ZONE
from tests.faults.rig import world
from tests.faults.test_runs import ENVIRONMENT, certificate, deployer
from tests.sandbox.workspace import Workspace

DOWN = ("down", "--env", "dev", "--sandbox", "--yes")


class Theirs:
    """A load balancer of somebody else with a listener that shows our certificate."""

    def __init__(self, client: Any, arn: str) -> None:
        self._elb, ec2 = client("elbv2"), client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
        self._subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.99.{n}.0/24", AvailabilityZone=f"us-east-1{letter}")
            for n, letter in enumerate("ab")
        ]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        made = self._elb.create_load_balancer(
            Name="theirs",
            Subnets=[one["Subnet"]["SubnetId"] for one in self._subnets],
            Tags=[{"Key": "aws:cloudformation:stack-name", "Value": "shop"}],
        )
        self.arn = made["LoadBalancers"][0]["LoadBalancerArn"]
        fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        self._listener = self._elb.create_listener(
            LoadBalancerArn=self.arn,
            Protocol="HTTPS",
            Port=443,
            Certificates=[{"CertificateArn": arn}],
            DefaultActions=fixed,
        )["Listeners"][0]["ListenerArn"]

    def let_go(self) -> None:
        self._elb.delete_listener(ListenerArn=self._listener)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "dev.yaml"
    path.write_text(ENVIRONMENT)
    with world():
        yield load_environment(path, environ={})


def test_it_is_named_while_it_is_waited_for_and_at_the_end_with_all_that_is_left(
    env: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Certificate, "delete_timeout", 90.0)
    made = deployer(env, tmp_path, certificate())
    made.cloud.clients("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    made.up()
    arn = made.cloud.acm.list_certificates()["CertificateSummaryList"][0]["CertificateArn"]
    theirs = Theirs(boto3.client, arn)
    holder = f"{theirs.arn} (made by the CloudFormation stack shop)"
    for number in ("first", "second"):
        heard: list[Event] = []
        made = deployer(env, tmp_path, certificate(), heard.append)
        with pytest.raises(Incomplete) as caught:
            made.down()
        told = [event.detail for event in heard if isinstance(event, Progress)]
        assert set(told) == {f"held by {holder}"}, number
        assert len(told) > 1, "again and again, for as long as it lasts"
        assert caught.value.code == 8, number
        report: Any = caught.value.report
        ((address, error),) = report.failed.items()
        assert address.startswith("acm.certificate/")
        assert isinstance(error, TimedOut)
        assert (error.code, bool(error.request_id)) == ("ResourceInUseException", True)
        said = " ".join(Text.from_markup(line).plain for line in failure.lines(caught.value))
        assert f"Held by {holder}" in said
        assert "next    delete what uses it, or detach it there; then run down again" in said
        assert f"leftovers: 1     acm.certificate {arn} (made by this environment)  free" in said
        assert "are up and recorded" not in said
        (left,) = failure.as_json(caught.value)["leftovers"]
        assert (left["id"], left["usd_month"]) == (arn, 0.0)
        assert [one.address for one in made.status().records] == [address]
    theirs.let_go()
    assert made.down().leftovers == []
    assert made.status().records == []


def test_a_holder_that_is_gone_already_is_no_failure(env: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ACM goes on to name a load balancer for minutes after it was deleted."""
    gone = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/k8s-gone/1"
    made = deployer(env, tmp_path, certificate())
    made.cloud.clients("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    made.up()
    heard: list[Event] = []

    def users(*_: Any) -> Iterator[str]:
        if len([event for event in heard if isinstance(event, Progress)]) < 3:
            yield gone

    monkeypatch.setattr(acm, "_users", users)
    assert deployer(env, tmp_path, certificate(), heard.append).down().leftovers == []
    told = [event.detail for event in heard if isinstance(event, Progress)]
    assert f"held by {gone} (made by something that was deleted, which ACM notices some minutes later)" in told


@pytest.mark.slow
def test_the_command_ends_with_8_and_the_list_and_the_next_one_with_nothing(here: Workspace) -> None:
    before = here.inventory()
    here.run("up", "--env", "dev", "--sandbox", "--yes")
    arn = here.client("acm").list_certificates()["CertificateSummaryList"][0]["CertificateArn"]
    theirs = Theirs(here.client, arn)
    with_theirs = {what: ids for what, ids in here.inventory().items()}
    done = here.run(*DOWN, code=8)
    assert f"held by {theirs.arn} (made by the CloudFormation stack shop)" in done.err.replace("\n", " ")
    assert "leftovers: 1" in done.said
    assert f"acm.certificate {arn}" in done.said
    assert f"acm.certificate {arn}" not in with_theirs
    errors = [line for line in here.run(*DOWN, "--json", code=8).lines() if line["type"] == "error"]
    assert [one["id"] for one in errors[0]["leftovers"]] == [arn]
    theirs.let_go()
    assert "leftovers: 0" in here.run(*DOWN).out
    assert json.dumps(sorted(before)) == json.dumps(sorted(here.inventory()))
