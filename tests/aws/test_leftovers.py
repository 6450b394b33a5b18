"""What `down` proves: nothing of ours is left, or each thing with its maker and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.text import Text

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.kinds.barriers import VolumesGone
from livekit_deploy.aws.kinds.logs import LogGroup
from livekit_deploy.engine.resource import Resource
from livekit_deploy.operations.leftovers import leftovers
from livekit_deploy.operations.report import Leftover, Report
from livekit_deploy.render.reports import down_lines
from livekit_deploy.state.store import FileStore
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import Base
from tests.fakes import FakeClock

ENVIRONMENT = """
preset: dev
region: us-east-1
livekit: {domain: livekit.dev.example.com, hosted_zone: example.com}
"""


def _cluster() -> list[Resource]:
    base = Base()
    group = LogGroup("cluster", retention=7)
    cluster = base.new_cluster(logs=["api"], public_cidrs=["0.0.0.0/0"])
    cluster.after = (group,)
    return [
        base.vpc(), base.gateway(), base.subnet("a"), base.subnet("b"), base.role(), group, cluster,
        VolumesGone("main"),
    ]  # fmt: skip


@pytest.fixture
def deployer(aws: None, tmp_path: Path) -> Any:
    path = tmp_path / "uat.yaml"
    path.write_text(ENVIRONMENT)
    env = load_environment(path, environ={})
    store = FileStore(tmp_path / "state.json", now=lambda: 1_000_000.0)
    with Deployer(env, resources=_cluster(), store=store, clock=FakeClock()) as made:
        yield made


def _volume(tags: dict[str, str]) -> str:
    said = boto3.client("ec2").create_volume(
        AvailabilityZone="us-east-1a",
        Size=20,
        TagSpecifications=[
            {"ResourceType": "volume", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        ],
    )
    return str(said["VolumeId"])


def _volumes() -> set[str]:
    return {one["VolumeId"] for one in boto3.client("ec2").describe_volumes()["Volumes"]}


def test_the_log_group_that_comes_back_and_the_volumes_of_claims_are_gone_and_others_stay(deployer: Deployer) -> None:
    deployer.up()
    found = deployer.lease()
    assert found is not None
    marks = deployer.cloud.with_lineage(found[0].lineage).ownership.own("")
    _volume({"kubernetes.io/cluster/livekit-uat-main": "owned", "kubernetes.io/created-for/pvc/name": "data", **marks})
    unmarked = _volume({"kubernetes.io/cluster/livekit-uat-main": "owned"})
    theirs = _volume({"kubernetes.io/cluster/livekit-uat-main-2": "owned"})
    shared = _volume({"kubernetes.io/cluster/livekit-uat-main": "shared"})
    report = deployer.down()
    assert [one.id for one in report.leftovers] == [unmarked], "it is named, and may hold somebody's data"
    assert _volumes() == {theirs, shared, unmarked}
    assert boto3.client("logs").describe_log_groups()["logGroups"] == []


def test_what_is_left_is_listed_with_its_maker_and_its_price(rig: AwsRig) -> None:
    base = Base()
    rig.up([base.vpc(), base.gateway(), base.subnet("a"), base.address("a"), base.nat(), base.key()])
    vpc = str(rig.records["ec2.vpc/main"].id)
    subnet = str(rig.records["ec2.subnet/public-a"].id)
    made = boto3.client("ec2").create_network_interface(SubnetId=subnet, Description="aws-K8S-i-0123")
    interface = made["NetworkInterface"]["NetworkInterfaceId"]
    found, _ = leftovers(rig.cloud, [vpc])
    left = {one.what: one for one in found}
    assert left["ec2.nat_gateway"].usd_month == 32.85
    assert left["ec2.elastic_ip"].usd_month == 3.65
    assert left["kms.key"].made_by == "this environment"
    assert Leftover("network interface", interface, "the VPC CNI on a node", 0.0) in found
    assert len({one.id for one in found}) == len(found), "each thing once"
    assert found[0].what == "ec2.nat_gateway", "what costs most comes first"


def test_the_screen_says_what_it_costs() -> None:
    gateway = Leftover("ec2.nat_gateway", "nat-1", "this environment", 32.85)
    group = Leftover("security group", "sg-1", "somebody else", 0.0)
    redis = Leftover("elasticache.replication_group", "r", "this environment", None)
    report = Report("down", leftovers=[gateway, group, redis])
    shown = [Text.from_markup(line).plain for line in down_lines(report)]
    assert "    ec2.nat_gateway nat-1 (made by this environment)  $32.85 a month" in shown
    assert "    security group sg-1 (made by somebody else)  free" in shown
    assert "    elasticache.replication_group r (made by this environment)  no price known" in shown
    assert shown[-1].startswith("  about $32.85 a month (list price")
