"""The network of an environment: public and private subnets in two or more zones, and the ways out of them."""

from __future__ import annotations

from livekit_deploy.aws.kinds.ec2.nat import ElasticIp, NatGateway
from livekit_deploy.aws.kinds.ec2.routes import ANYWHERE, GatewayEndpoint, RouteTable
from livekit_deploy.aws.kinds.ec2.vpc import InternetGateway, Subnet, Vpc
from livekit_deploy.aws.kinds.ec2.zones import Layout
from livekit_deploy.config import Network
from livekit_deploy.engine.resource import Resource


class NetworkProvisioner:
    """``vpc``, ``public_subnets``, ``private_subnets``, gateways, route tables and the S3 endpoint.

    Nodes and what needs the Internet come after ``ways_out``. ``layout`` says the zones with the ranges of their
    subnets.
    """

    def __init__(self, network: Network, *, region: str, layout: Layout) -> None:
        self.layout, places = layout, layout.places
        self.zones = [place.zone for place in places]
        letters = [place.zone.removeprefix(region).lstrip("-") for place in places]
        self.vpc = Vpc("main", cidr=str(network.cidr))
        self.gateway = InternetGateway("main", vpc_id=self.vpc.id)
        self.public_subnets = [
            Subnet(
                f"public-{letter}",
                vpc_id=self.vpc.id,
                cidr=str(place.public),
                zone=place.zone,
                public=True,
                role="elb",
            )
            for letter, place in zip(letters, places, strict=True)
        ]
        self.private_subnets = [
            Subnet(
                f"private-{letter}", vpc_id=self.vpc.id, cidr=str(place.private), zone=place.zone, role="internal-elb"
            )
            for letter, place in zip(letters, places, strict=True)
        ]
        self.addresses: list[ElasticIp] = []
        self.nat_gateways: list[NatGateway] = []
        count = {"none": 0, "single": 1, "per_az": len(places)}[network.nat]
        for letter, subnet in list(zip(letters, self.public_subnets, strict=True))[:count]:
            self._add_nat(letter, subnet)
        self.has_nat = bool(count)
        self.route_tables = [self._public_routes(), *self._private_routes(letters)]
        self.endpoint = GatewayEndpoint(
            "s3", vpc_id=self.vpc.id, route_table_ids=[table.id for table in self.route_tables]
        )

    def _add_nat(self, letter: str, subnet: Subnet) -> None:
        # an address needs no gateway, but it cannot be mapped without one, and must be free before that is detached
        address = ElasticIp(f"nat-{letter}", after=[self.gateway])
        self.addresses.append(address)
        self.nat_gateways.append(
            NatGateway(letter, subnet_id=subnet.id, allocation_id=address.id, after=[self.gateway])
        )

    def _public_routes(self) -> RouteTable:
        return RouteTable(
            "public",
            vpc_id=self.vpc.id,
            routes=[{"to": ANYWHERE, "via": self.gateway.id}],
            subnet_ids=[subnet.id for subnet in self.public_subnets],
            after=[self.gateway],
        )

    def _private_routes(self, letters: list[str]) -> list[RouteTable]:
        tables = []
        for position, (letter, subnet) in enumerate(zip(letters, self.private_subnets, strict=True)):
            gateway = self.nat_gateways[min(position, len(self.nat_gateways) - 1)] if self.nat_gateways else None
            tables.append(
                RouteTable(
                    f"private-{letter}",
                    vpc_id=self.vpc.id,
                    routes=[{"to": ANYWHERE, "via": gateway.id}] if gateway else [],
                    subnet_ids=[subnet.id],
                )
            )
        return tables

    @property
    def subnets(self) -> list[Subnet]:
        """All of them."""
        return [*self.public_subnets, *self.private_subnets]

    @property
    def ways_out(self) -> list[Resource]:
        """What nodes must find in place: their subnets' routes and the endpoint."""
        return [*self.route_tables, self.endpoint]

    @property
    def resources(self) -> list[Resource]:
        return [
            self.vpc,
            self.gateway,
            *self.subnets,
            *self.addresses,
            *self.nat_gateways,
            *self.route_tables,
            self.endpoint,
        ]
