"""The network: its parts, and who may reach what."""

from __future__ import annotations

from typing import Any

from livekit_deploy.aws.kinds.ec2.nat import ElasticIp, NatGateway
from livekit_deploy.aws.kinds.ec2.routes import GatewayEndpoint, RouteTable
from livekit_deploy.aws.kinds.ec2.security_groups import SecurityGroup, SecurityGroupRule
from livekit_deploy.aws.kinds.ec2.vpc import InternetGateway, Subnet, Vpc
from tests.contract import out_of_band
from tests.contract.kinds.case import Base, Case, literal, made
from tests.contract.out_of_band import Drift


def _gateway_on_another_vpc(base: Base) -> Any:
    return base.other_vpc().id


CASES = [
    Case(
        Vpc,
        made(Vpc, "x", cidr=literal("10.20.0.0/16")),
        {"cidr": literal("10.40.0.0/16"), "dns_support": literal(False), "dns_hostnames": literal(False)},
        drifts={
            "dns_support": Drift(out_of_band.vpc_attribute("EnableDnsSupport", False)),
            "dns_hostnames": Drift(out_of_band.vpc_attribute("EnableDnsHostnames", False)),
        },
        owned={"cidr": "AWS: a VPC keeps its range"},
        silent={"a tag of somebody's": out_of_band.tag("cost-center")},
    ),
    Case(
        Subnet,
        made(
            Subnet,
            "x",
            vpc_id=lambda b: b.vpc().id,
            cidr=literal("10.20.0.0/20"),
            zone=literal("us-east-1a"),
            role=literal("elb"),
        ),
        {
            "vpc_id": lambda b: b.other_vpc().id,
            "cidr": literal("10.20.64.0/20"),
            "zone": literal("us-east-1b"),
            "public": literal(True),
            "role": literal("internal-elb"),
        },
        drifts={
            "public": Drift(
                out_of_band.call("ec2", "modify_subnet_attribute", "SubnetId", MapPublicIpOnLaunch={"Value": True})
            ),
            "role": Drift(out_of_band.untag("kubernetes.io/role/elb")),
        },
        owned=dict.fromkeys(("vpc_id", "cidr", "zone"), "AWS: a subnet keeps it"),
        silent={"a tag of a cluster": out_of_band.tag("kubernetes.io/cluster/theirs")},
    ),
    Case(
        InternetGateway,
        made(InternetGateway, "x", vpc_id=lambda b: b.vpc().id),
        {"vpc_id": _gateway_on_another_vpc},
        drifts={"vpc_id": Drift(out_of_band.detach_gateway)},
    ),
    Case(ElasticIp, made(ElasticIp, "x")),
    Case(
        NatGateway,
        lambda base, **changed: NatGateway(
            "x",
            after=[base.gateway()],
            **{"subnet_id": base.subnet("a").id, "allocation_id": base.address("a").id, **changed},
        ),
        {"subnet_id": lambda b: b.subnet("b").id, "allocation_id": lambda b: b.address("b").id},
        owned=dict.fromkeys(("subnet_id", "allocation_id"), "AWS: a NAT gateway keeps it"),
    ),
    Case(
        RouteTable,
        lambda base, **changed: RouteTable(
            "x",
            after=[base.gateway()],
            **{
                "vpc_id": base.vpc().id,
                "routes": [{"to": "0.0.0.0/0", "via": base.gateway().id}],
                "subnet_ids": [base.subnet("a").id],
                **changed,
            },
        ),
        {
            "vpc_id": lambda b: b.other_vpc().id,
            "routes": lambda b: [{"to": "0.0.0.0/0", "via": b.nat().id}],
            "subnet_ids": lambda b: [b.subnet("b").id],
        },
        drifts={"routes": Drift(out_of_band.delete_route), "subnet_ids": Drift(out_of_band.free_subnet)},
        owned={"vpc_id": "AWS: a route table stays in its VPC"},
        silent={"the route of a gateway endpoint": out_of_band.endpoint_route},
    ),
    Case(
        GatewayEndpoint,
        made(GatewayEndpoint, "x", vpc_id=lambda b: b.vpc().id, route_table_ids=lambda b: [b.table().id]),
        {
            "vpc_id": lambda b: b.other_vpc().id,
            "service": literal("dynamodb"),
            "route_table_ids": lambda b: [b.table("more").id],
        },
        drifts={"route_table_ids": Drift(out_of_band.more_tables)},
        owned=dict.fromkeys(("vpc_id", "service"), "AWS: an endpoint keeps it"),
    ),
    Case(
        SecurityGroup,
        made(SecurityGroup, "x", vpc_id=lambda b: b.vpc().id, description=literal("d")),
        {"vpc_id": lambda b: b.other_vpc().id, "description": literal("other")},
        {"foreign_rules": "always none; test_security_groups.py shows what happens to some"},
        drifts={"foreign_rules": Drift(out_of_band.open_port())},
        owned=dict.fromkeys(("vpc_id", "description"), "AWS: a group keeps it"),
        silent={
            "a rule of the load balancer controller": out_of_band.open_port("elbv2.k8s.aws/targetGroupBinding=shared")
        },
    ),
    Case(
        SecurityGroupRule,
        made(
            SecurityGroupRule,
            "x",
            group_id=lambda b: b.group().id,
            protocol=literal("tcp"),
            first_port=literal(80),
            last_port=literal(81),
            cidr=literal("0.0.0.0/0"),
            description=literal("d"),
        ),
        {
            "group_id": lambda b: b.group("other").id,
            "protocol": literal("udp"),
            "first_port": literal(79),
            "last_port": literal(82),
            "cidr": literal("10.0.0.0/8"),
            "description": literal("other"),
        },
        {"source": "instead of cidr, never beside it: changed in test_security_groups.py"},
        drifts={
            "protocol": Drift(out_of_band.rule(protocol="udp")),
            "source": Drift(
                out_of_band.rule_of_another_group, {"cidr": literal(None), "source": lambda b: b.group("other").id}
            ),
            "first_port": Drift(out_of_band.rule(first_port=22)),
            "last_port": Drift(out_of_band.rule(last_port=99)),
            "cidr": Drift(out_of_band.rule(cidr=out_of_band.EVERYWHERE)),
            "description": Drift(out_of_band.rule(description="theirs")),
        },
        owned={"group_id": "AWS: a rule stays in its group"},
    ),
]
