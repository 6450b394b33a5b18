"""Route tables, with their routes and the subnets that use them, and the gateway endpoint for S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.resource import Ec2Resource
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.aws.kinds.states import ASSOCIATION, DEGRADED, ENDPOINT, GONE, ROUTE
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output
from livekit_deploy.engine.resource import Live

ANYWHERE = "0.0.0.0/0"
_FIXED = "A route table stays in its VPC."
_TARGETS = ("GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId")


def _routes(listed: Sequence[Item]) -> list[dict[str, str]]:
    """Those of ours: not the VPC's own, nor those of gateway endpoints (which name a prefix list)."""
    return sorted((route for one in listed if (route := _route(one))), key=lambda route: route["to"])


def _route(item: Item) -> dict[str, str] | None:
    to = item.get("DestinationCidrBlock")
    via = next((item[key] for key in _TARGETS if item.get(key)), "nothing")
    if to is None or via == "local" or item.get("GatewayId", "").startswith("vpce-"):
        return None
    state = ROUTE.of(item.get("State", "active"))
    return {"to": to, "via": f"{state.value}: {via}" if state.meaning is DEGRADED else via}


def _holding(associations: Sequence[Item]) -> dict[str, str]:
    """subnet → association, of those that hold."""
    return {
        one["SubnetId"]: one["RouteTableAssociationId"] for one in associations if "SubnetId" in one and _holds(one)
    }


def _holds(association: Item) -> bool:
    return ASSOCIATION.of(association.get("AssociationState", {}).get("State", "associated")).holds


class RouteTable(Ec2Resource):
    """A route table. ``routes`` are ``{"to": CIDR, "via": id of a gateway}``; ``subnet_ids`` are those that use it.

    Each route and each association is a step. Routes of gateway endpoints and the VPC's own are not ours to compare.
    Source: EC2 API reference, CreateRoute, ReplaceRoute, AssociateRouteTable.
    """

    kind = "ec2.route_table"
    operation, items, id_key, tagged_as = "describe_route_tables", "RouteTables", "RouteTableId", "route-table"

    vpc_id: Input[str] = Input(api="VpcId", change=Change.FIXED, way_out=_FIXED)
    # each has calls of its own
    routes: Inputs[Mapping[str, Any]] = Inputs(shown="Routes", from_api=_routes, default=())
    subnet_ids: Inputs[str] = Inputs(shown="Associations", from_api=lambda all: sorted(_holding(all)), default=())

    id = Output[str]("RouteTableId")

    def create(self, cloud: Cloud, token: str) -> str:
        return str(cloud.ec2.create_route_table(ClientToken=token, **self.request(cloud))["RouteTable"]["RouteTableId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        if "routes" in changed:
            self._step_routes(cloud, live)
        elif "subnet_ids" in changed:
            self._step_subnets(cloud, live)

    def _step_routes(self, cloud: Cloud, live: Live) -> None:
        have = {route["to"]: route["via"] for route in live.props["routes"]}
        want = {route["to"]: route["via"] for route in self.routes}
        for to, via in want.items():
            target = {"NatGatewayId" if via.startswith("nat-") else "GatewayId": via}
            if to not in have:
                cloud.ec2.create_route(RouteTableId=live.id, DestinationCidrBlock=to, **target)
                return
            if have[to] != via:
                cloud.ec2.replace_route(RouteTableId=live.id, DestinationCidrBlock=to, **target)
                return
        surplus = next(to for to in have if to not in want)
        cloud.ec2.delete_route(RouteTableId=live.id, DestinationCidrBlock=surplus)

    def _step_subnets(self, cloud: Cloud, live: Live) -> None:
        have, want = live.props["subnet_ids"], self.subnet_ids
        if missing := [subnet for subnet in want if subnet not in have]:
            self._associate(cloud, live.id, missing[0])
        else:
            surplus = next(subnet for subnet in have if subnet not in want)
            self._disassociate(cloud, live.id, surplus)

    def _associate(self, cloud: Cloud, table: str, subnet: str) -> None:
        """Move the subnet from the table that it uses, or take it on."""
        using = self.listed(cloud, **{"association.subnet-id": [subnet]})
        held = [_holding(item.get("Associations", [])) for item in using]
        if moved := next((subnets[subnet] for subnets in held if subnet in subnets), None):
            cloud.ec2.replace_route_table_association(AssociationId=moved, RouteTableId=table)
        else:
            cloud.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)

    def _disassociate(self, cloud: Cloud, table: str, subnet: str) -> None:
        item = self.described(cloud, table)
        if item is not None:
            cloud.ec2.disassociate_route_table(AssociationId=_holding(item["Associations"])[subnet])

    def delete(self, cloud: Cloud, live: Live) -> None:
        """One subnet after the other is let go, then the table."""
        if live.props["subnet_ids"]:
            self._disassociate(cloud, live.id, live.props["subnet_ids"][0])
        else:
            cloud.ec2.delete_route_table(RouteTableId=live.id)


class GatewayEndpoint(Ec2Resource):
    """A gateway endpoint: traffic to ``service`` (``s3``) stays inside AWS, free of charge.

    Source: EC2 API reference, CreateVpcEndpoint.
    """

    kind = "ec2.vpc_endpoint"
    operation, items, id_key, tagged_as = "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "vpc-endpoint"

    vpc_id: Input[str] = Input(api="VpcId", change=Change.FIXED, way_out="An endpoint stays in its VPC.")
    # its name has the region in it
    service: Input[str] = Input(
        shown="ServiceName",
        from_api=lambda name: name.rpartition(".")[2],
        change=Change.FIXED,
        default="s3",
        way_out="An endpoint serves one service for life.",
    )
    route_table_ids: Inputs[str] = Inputs(api="RouteTableIds")

    id = Output[str]("VpcEndpointId")

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live | None:
        seen = ENDPOINT.of(item.get("State"))
        if seen.meaning is GONE:
            return None
        said = item.get("LastError", {})
        why, code = str(said.get("Message") or item.get("FailureReason", "")), str(said.get("Code", ""))
        outputs = cls.outputs_of(item)
        return seen.live(outputs["id"], cls.props_of(item), outputs, what="endpoint", warning=why, code=code)

    def create(self, cloud: Cloud, token: str) -> str:
        said = cloud.ec2.create_vpc_endpoint(
            VpcEndpointType="Gateway",
            ServiceName=f"com.amazonaws.{cloud.region}.{self.service}",
            ClientToken=token,
            **self.request(cloud),
        )
        return str(said["VpcEndpoint"]["VpcEndpointId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        have, want = set(live.props["route_table_ids"]), set(self.route_table_ids)
        lists = {"AddRouteTableIds": sorted(want - have), "RemoveRouteTableIds": sorted(have - want)}
        cloud.ec2.modify_vpc_endpoint(VpcEndpointId=live.id, **{key: value for key, value in lists.items() if value})

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_vpc_endpoints(VpcEndpointIds=[live.id])
