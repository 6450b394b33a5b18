"""NAT gateways and what routes do without them."""

from __future__ import annotations

from typing import Any

from tests.sandbox.corrections.harness import Network, ProbedAws, probe, refused


def _gateway(world: ProbedAws, network: Network, address: str, **more: Any) -> str:
    said = world.ec2.create_nat_gateway(SubnetId=network.subnets[0], AllocationId=address, **more)
    return str(said["NatGateway"]["NatGatewayId"])


def _state(world: ProbedAws, gateway: str) -> str:
    return str(world.ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]["State"])


@probe("EC2")
def nat_gateway_takes_its_time(world: ProbedAws) -> None:
    """shows a new NAT gateway as available and a deleted one as deleted at once

    pending for about two minutes, and deleting for one
    """
    with world.unhurried() as later:
        gateway = _gateway(world, world.network(), world.address())
        assert _state(world, gateway) == "pending"
        later(300)
        assert _state(world, gateway) == "available"
        world.ec2.delete_nat_gateway(NatGatewayId=gateway)
        assert _state(world, gateway) == "deleting"
        later(300)
        assert _state(world, gateway) == "deleted"


@probe("EC2")
def nat_gateway_frees_its_address(world: ProbedAws) -> None:
    """keeps the address of a deleted NAT gateway associated, and its interface in the subnet

    both are free once it is deleted
    """
    network, address = world.network(), world.address()
    gateway = _gateway(world, network, address)
    world.ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert _state(world, gateway) == "deleted"
    found = world.ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]
    assert not found.get("AssociationId")
    where = [{"Name": "subnet-id", "Values": [network.subnets[0]]}]
    assert world.ec2.describe_network_interfaces(Filters=where)["NetworkInterfaces"] == []
    world.ec2.release_address(AllocationId=address)
    world.ec2.delete_subnet(SubnetId=network.subnets[0])


@probe("EC2")
def nat_gateway_holds_its_address(world: ProbedAws) -> None:
    """releases an address that a NAT gateway uses

    AuthFailure, for a while also when the gateway is gone
    """
    with world.unhurried() as later:
        address = world.address()
        gateway = _gateway(world, world.network(), address)
        later(300)
        with refused("AuthFailure"):
            world.ec2.release_address(AllocationId=address)
        world.ec2.delete_nat_gateway(NatGatewayId=gateway)
        later(60)
        assert _state(world, gateway) == "deleted"
        with refused("AuthFailure"):
            world.ec2.release_address(AllocationId=address)
        later(60)
        world.ec2.release_address(AllocationId=address)


@probe("EC2")
def nat_gateway_needs_an_internet_gateway(world: ProbedAws) -> None:
    """makes a NAT gateway in a VPC without an Internet gateway

    Gateway.NotAttached
    """
    network, address = world.network(), world.address()
    world.ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    with refused("Gateway.NotAttached"):
        _gateway(world, network, address)


@probe("EC2")
def nat_gateway_that_there_is_not(world: ProbedAws) -> None:
    """describes an unknown NAT gateway as nothing, and crashes when it is deleted

    NatGatewayNotFound
    """
    with refused("NatGatewayNotFound"):
        world.ec2.describe_nat_gateways(NatGatewayIds=["nat-0123456789abcdef0"])
    with refused("NatGatewayNotFound"):
        world.ec2.delete_nat_gateway(NatGatewayId="nat-0123456789abcdef0")


@probe("EC2")
def nat_gateway_and_its_token(world: ProbedAws) -> None:
    """makes a second NAT gateway for a client token that it has seen

    answers with the first
    """
    network, token = world.network(), world.name("token")
    first = _gateway(world, network, world.address(), ClientToken=token)
    assert _gateway(world, network, world.address(), ClientToken=token) == first


@probe("EC2")
def route_to_a_deleted_nat_gateway(world: ProbedAws) -> None:
    """keeps the route to a deleted NAT gateway active

    blackhole
    """
    network = world.network()
    gateway = _gateway(world, network, world.address())
    table = world.ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    world.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    world.ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert _state(world, gateway) == "deleted"
    routes = world.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert [one["State"] for one in routes if one.get("NatGatewayId") == gateway] == ["blackhole"]


@probe("EC2")
def route_to_an_unknown_nat_gateway(world: ProbedAws) -> None:
    """accepts a route to a NAT gateway that there is not

    InvalidNatGatewayID.NotFound
    """
    table = world.ec2.create_route_table(VpcId=world.network().vpc)["RouteTable"]["RouteTableId"]
    with refused("InvalidNatGatewayID.NotFound"):
        world.ec2.create_route(
            RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId="nat-0123456789abcdef0"
        )


@probe("EC2")
def route_to_an_unattached_gateway(world: ProbedAws) -> None:
    """accepts a route to an Internet gateway of another VPC

    InvalidParameterValue
    """
    table = world.ec2.create_route_table(VpcId=world.network().vpc)["RouteTable"]["RouteTableId"]
    with refused("InvalidParameterValue"):
        world.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=world.network().gateway)
