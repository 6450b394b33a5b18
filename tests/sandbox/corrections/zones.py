"""Regions and zones as an account has them, and where EKS places a control plane."""

from __future__ import annotations

from typing import Any

import boto3
from moto.ec2.models import ec2_backends

from livekit_deploy.sandbox.aws.ec2.corrections.zones import add_local_zone
from tests.sandbox.corrections.harness import ACCOUNT, REGION, ProbedAws, probe, refused


def _zones(client: Any, **asked: Any) -> dict[str, str]:
    return {one["ZoneName"]: one["ZoneId"] for one in client.describe_availability_zones(**asked)["AvailabilityZones"]}


def _client(account: str, region: str = REGION) -> Any:
    return boto3.Session(f"AKIA{account}", "testing", region_name=region).client("ec2")


@probe("EC2")
def letters_of_zones_are_the_accounts_own(world: ProbedAws) -> None:
    """gives the zones of every account the same letters

    each account has its own; the ids are the same places, and a subnet tells both
    """
    here, there = _zones(world.ec2), _zones(_client("123456789013"))
    assert here.keys() == there.keys()
    assert set(here.values()) == set(there.values())
    assert here != there
    other = _client("123456789013")
    vpc = other.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    asked = {"VpcId": vpc, "CidrBlock": "10.20.0.0/24", "AvailabilityZone": f"{REGION}a"}
    assert other.create_subnet(**asked)["Subnet"]["AvailabilityZoneId"] == there[f"{REGION}a"]


@probe("EC2", fails="KeyError")
def zones_that_an_account_opts_in_to(world: ProbedAws) -> None:
    """says of no zone whether the account has opted in to it

    shows it, and those that it has not opted in to only to who asks for all
    """
    region = "us-west-2"
    add_local_zone(ec2_backends[ACCOUNT][region], "us-west-2-lax-1a", "usw2-lax1-az1")
    client = _client(ACCOUNT, region)
    found = client.describe_availability_zones(AllAvailabilityZones=True)["AvailabilityZones"]
    status = {one["ZoneName"]: (one["OptInStatus"], one["ZoneType"]) for one in found}
    assert status["us-west-2-lax-1a"] == ("not-opted-in", "local-zone")
    assert status["us-west-2a"] == ("opt-in-not-required", "availability-zone")
    assert "us-west-2-lax-1a" not in _zones(client)


@probe("EC2")
def regions_that_an_account_has(world: ProbedAws) -> None:
    """lists the regions of all partitions, those included that the account has not switched on

    those that it has switched on, unless all are asked for
    """
    names = {one["RegionName"] for one in world.ec2.describe_regions()["Regions"]}
    assert {"us-east-1", "eu-central-1"} <= names
    assert not {one for one in names if one.startswith(("cn-", "us-gov-"))}
    every = {one["RegionName"]: one["OptInStatus"] for one in world.ec2.describe_regions(AllRegions=True)["Regions"]}
    assert "not-opted-in" in every.values()
    assert not {name for name in names if every[name] == "not-opted-in"}


@probe("EKS")
def zone_without_a_control_plane(world: ProbedAws) -> None:
    """places a control plane in every zone

    UnsupportedAvailabilityZoneException in some, by their ids
    """
    vpc = world.network().vpc
    closed = next(name for name, id in _zones(world.ec2).items() if id == "use1-az3")
    subnets = [
        world.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=zone)["Subnet"]
        for number, zone in ((10, closed), (11, "us-east-1a"))
    ]
    where = {"subnetIds": [one["SubnetId"] for one in subnets]}
    asked = {"name": world.name("cluster"), "roleArn": world.role(), "resourcesVpcConfig": where}
    with refused("UnsupportedAvailabilityZoneException"):
        world.eks.create_cluster(**asked)
