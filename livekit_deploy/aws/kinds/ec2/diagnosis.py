"""Explains a failure by what a subnet lacks: a route, an address or free space.

Reads only. Sources: EKS user guide, "Network requirements" and "Troubleshooting: NodeCreationFailure".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.errors.causes import cause_of
from livekit_deploy.aws.errors.launch_causes import FREE_ADDRESSES
from livekit_deploy.aws.kinds.states import ROUTE, USABLE
from livekit_deploy.engine.resource import Live

_ANYWHERE = "0.0.0.0/0"
#: addresses that EKS needs in a cluster's subnet; a node needs one at the least
CLUSTER_ADDRESSES, NODE_ADDRESSES = 6, 1


def cause_and_remedy(live: Live | None) -> tuple[str, str]:
    """(likely, remedy) by what AWS itself says of the object."""
    found = cause_of(live.code, live.detail) if live is not None else None
    return (found.likely, found.remedy) if found else ("", "")


def subnets_short(cloud: Cloud, subnet_ids: Iterable[str], addresses: int) -> tuple[str, str] | None:
    """(likely, remedy) when one of the subnets has fewer free addresses than are needed."""
    for subnet in _described(cloud, subnet_ids):
        if subnet["AvailableIpAddressCount"] < addresses:
            return (
                f"subnet {subnet['SubnetId']} has {subnet['AvailableIpAddressCount']} free addresses, "
                f"{addresses} are needed",
                FREE_ADDRESSES,
            )
    return None


def subnets_cut_off(cloud: Cloud, subnet_ids: Iterable[str]) -> tuple[str, str] | None:
    """(likely, remedy) when what is in one of the subnets cannot reach the Internet."""
    subnets = _described(cloud, subnet_ids)
    if not subnets:
        return None
    tables = cloud.ec2.pages(
        "describe_route_tables", "RouteTables", Filters=[{"Name": "vpc-id", "Values": [subnets[0]["VpcId"]]}]
    )
    return next(_unconnected(subnets, tables), None)


def _described(cloud: Cloud, subnet_ids: Iterable[str]) -> list[Mapping[str, Any]]:
    wanted = sorted(subnet_ids)
    return cloud.ec2.pages("describe_subnets", "Subnets", SubnetIds=wanted) if wanted else []  # asked for none: all


def _unconnected(subnets: list[Mapping[str, Any]], tables: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for subnet in subnets:
        if (table := _table_of(str(subnet["SubnetId"]), tables)) is None:
            continue
        ways = [route for route in table["Routes"] if route.get("DestinationCidrBlock") == _ANYWHERE]
        if not any(ROUTE.of(route.get("State", "active")).meaning is USABLE for route in ways):
            what = "only a dead route to" if ways else "no"
            yield (
                f"subnet {subnet['SubnetId']} has no route to the Internet: route table {table['RouteTableId']} has "
                f"{what} {_ANYWHERE}",
                "put the route back (plan shows it) and run the same command again",
            )
        elif any(route.get("GatewayId", "").startswith("igw-") for route in ways) and not subnet["MapPublicIpOnLaunch"]:
            yield (
                f"nodes in subnet {subnet['SubnetId']} get no public address, and its way out is an Internet gateway",
                "let the subnet give public addresses (plan shows it) and run the same command again",
            )


def _table_of(subnet: str, tables: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The subnet's own route table, or the main one of its VPC."""
    links = [(link, table) for table in tables for link in table["Associations"]]
    own = [table for link, table in links if link.get("SubnetId") == subnet]
    return own[0] if own else next((table for link, table in links if link.get("Main")), None)
