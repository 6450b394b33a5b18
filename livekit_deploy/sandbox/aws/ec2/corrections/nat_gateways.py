"""NAT gateways take their time to come and to go, and hold their address; moto has them ready and gone at once.

Source: VPC user guide, "NAT gateways"; EC2 API reference, CreateNatGateway, DeleteNatGateway, DescribeNatGateways.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.nat_gateways import NatGateway

from livekit_deploy.sandbox.aws.ec2.errors import refused
from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original
from livekit_deploy.sandbox.clock import SandboxClock, clock

corrected = Corrections()
install = corrected.install

#: seconds of AWS's time
NAT_CREATION, NAT_DELETION = 105.0, 50.0
#: for which an address is still not given back when its NAT gateway is gone
NAT_ADDRESS_HELD = 15.0


@corrected(NatGateway, "__init__")
def created(original: Original, gateway: Any, backend: EC2Backend, subnet_id: str, *args: Any, **more: Any) -> None:
    vpc_id = backend.get_subnet(subnet_id).vpc_id
    if not any(one.vpc and one.vpc.id == vpc_id for one in backend.internet_gateways.values()):
        raise refused("Gateway.NotAttached", f"Network {vpc_id} has no Internet gateway attached")
    original(backend, subnet_id, *args, **more)
    gateway.state, gateway._since = "pending", clock().now()


@corrected(EC2Backend)
def delete_nat_gateway(original: Original, backend: EC2Backend, nat_gateway_id: str) -> Any:
    gateway = backend.nat_gateways.get(nat_gateway_id)
    if gateway is None:
        raise refused("NatGatewayNotFound", f"NatGateway {nat_gateway_id} was not found")
    if gateway.state not in ("deleting", "deleted"):
        gateway.state, gateway._since = "deleting", clock().now()
    return gateway


@corrected(EC2Backend)
def describe_nat_gateways(
    original: Original, backend: EC2Backend, filters: Any, nat_gateway_ids: list[str] | None
) -> Any:
    for gateway in list(backend.nat_gateways.values()):
        _advance(backend, gateway, clock())
    missing = [id for id in nat_gateway_ids or [] if id not in backend.nat_gateways]
    if missing:
        raise refused("NatGatewayNotFound", f"NatGateway {missing[0]} was not found")
    found = original(filters, nat_gateway_ids)
    wanted = {key: values for key, values in (filters or {}).items() if key.startswith("tag:")}
    return [one for one in found if all(_tagged(one, key, values) for key, values in wanted.items())]


def _tagged(gateway: Any, key: str, values: list[str]) -> bool:
    return any(tag["key"] == key.removeprefix("tag:") and tag["value"] in values for tag in gateway.get_tags())


def _advance(backend: EC2Backend, gateway: Any, clock: SandboxClock) -> None:
    if gateway.state == "pending" and clock.passed(gateway._since, NAT_CREATION):
        gateway.state = "available"
    if gateway.state == "deleting" and clock.passed(gateway._since, NAT_DELETION):
        gateway.state = "deleted"
        for address in backend.addresses:
            if address.eni is gateway._eni:
                backend.disassociate_address(association_id=address.association_id)
                address._sandbox_let_go = clock.now()
        backend.enis.pop(gateway._eni.id, None)


@corrected(EC2Backend)
def release_address(
    original: Original, backend: EC2Backend, address: str | None = None, allocation_id: str | None = None
) -> None:
    """A NAT gateway's address belongs to EC2, also for a while after the gateway is gone."""
    gateways = [gateway._eni for gateway in backend.nat_gateways.values() if gateway.state != "deleted"]
    for one in backend.addresses:
        let_go = one.__dict__.get("_sandbox_let_go")
        held = one.eni in gateways or (let_go is not None and not clock().passed(let_go, NAT_ADDRESS_HELD))
        if allocation_id and one.allocation_id == allocation_id and held:
            raise refused("AuthFailure", "You do not have permission to access the specified resource.")
    original(address, allocation_id)
