"""Routes lead to what is in their network, and nowhere once it is gone; moto takes any target for good.

Source: EC2 API reference, CreateRoute, ReplaceRoute and Route (State).
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.route_tables import Route

from livekit_deploy.sandbox.aws.ec2.errors import refused
from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()


@corrected(EC2Backend, "create_route", "replace_route")
def route(original: Original, backend: EC2Backend, route_table_id: str, *args: Any, **more: Any) -> Any:
    gateway, nat = more.get("gateway_id"), more.get("nat_gateway_id")
    table = backend.get_route_table(route_table_id)
    if nat and nat not in backend.nat_gateways:
        raise refused("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat}' does not exist")
    found = backend.internet_gateways.get(gateway) if gateway and gateway.startswith("igw-") else None
    if isinstance(found, InternetGateway) and (found.vpc is None or found.vpc.id != table.vpc_id):
        raise refused(
            "InvalidParameterValue",
            f"route table {route_table_id} and network gateway {gateway} belong to different networks",
        )
    return original(route_table_id, *args, **more)


def install() -> None:
    """Correct routes."""
    corrected.install()
    Route.state = property(_route_state)


def _route_state(route: Any) -> str:
    """A route whose target has gone leads nowhere."""
    gateway, nat = route.gateway, route.nat_gateway
    detached = isinstance(gateway, InternetGateway) and gateway.vpc is None
    return "blackhole" if detached or (nat is not None and nat.state == "deleted") else "active"
