"""VPC endpoints: only to services that exist, once in a route table, found by id until they are deleted.

An interface endpoint has a network interface in each of its subnets, and takes minutes to go. moto makes any endpoint,
shows it after its deletion, and adds no route to a table that is added to it.
Source: EC2 API reference, CreateVpcEndpoint, ModifyVpcEndpoint, DescribeVpcEndpoints.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import InvalidVpcEndPointIdError
from moto.ec2.models import EC2Backend
from moto.ec2.models.vpcs import VPCEndPoint

from livekit_deploy.sandbox.aws.ec2.errors import refused
from livekit_deploy.sandbox.aws.elbv2.corrections.load_balancers import INTERFACES_GONE
from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original
from livekit_deploy.sandbox.clock import SandboxClock, clock

corrected = Corrections()
install = corrected.install


@corrected(EC2Backend)
def create_vpc_endpoint(
    original: Original,
    backend: Any,
    vpc_id: str,
    service_name: str,
    endpoint_type: str | None,
    policy_document: str | None,
    route_table_ids: list[str],
    **more: Any,
) -> Any:
    kind = endpoint_type or "Gateway"
    _check(backend, service_name, kind, set(route_table_ids))
    made = original(vpc_id, service_name, kind, policy_document, route_table_ids, **more)
    for id in made.network_interface_ids:
        _dress(backend, made, backend.enis[id])
    return made


def _check(backend: Any, service: str, kind: str, tables: set[str]) -> None:
    prefixes = {one.prefix_list_name for one in backend.managed_prefix_lists.values()}
    known = service in prefixes if kind == "Gateway" else service.startswith(f"com.amazonaws.{backend.region_name}.")
    if not known:
        raise refused("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist")
    for one in backend.vpc_end_points.values():
        there = one.state != "deleted" and one.service_name == service
        if there and tables & set(one.route_table_ids):
            raise refused("RouteAlreadyExists", f"a route table already has a route to {service}")


@corrected(VPCEndPoint)
def modify(original: Original, endpoint: Any, *args: Any, **more: Any) -> None:
    before = set(endpoint.route_table_ids)
    original(*args, **more)
    after, prefix = set(endpoint.route_table_ids), endpoint.destination_prefix_list_id
    if prefix is None:
        return
    for table in after - before:
        endpoint.ec2_backend.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix)
    for table in before - after:
        endpoint.ec2_backend.delete_route(table, prefix)


def _dress(backend: Any, endpoint: Any, interface: Any) -> None:
    """The interface of an endpoint, as it is described."""
    interface.status, interface.interface_type, interface.requester_managed = "in-use", "vpc_endpoint", True
    interface.description = f"VPC Endpoint Interface {endpoint.id}"
    for id in endpoint.security_group_ids:
        interface._group_set.append(backend.get_security_group_from_id(id))


@corrected(EC2Backend)
def delete_vpc_endpoints(original: Original, backend: Any, vpce_ids: list[str] | None = None) -> None:
    for id in vpce_ids or []:
        endpoint = backend.vpc_end_points.get(id)
        if endpoint is None or not endpoint.network_interface_ids:
            for table in [one for one in getattr(endpoint, "route_table_ids", ()) if one not in backend.route_tables]:
                endpoint.route_table_ids.remove(table)  # deleted before it: moto stumbles over that
            original([id])
        elif endpoint.state == "available":
            endpoint.state, endpoint._sandbox_since = "deleting", clock().now()
            for one in endpoint.network_interface_ids:
                backend.enis[one].__dict__["_sandbox_left"] = clock().now()


@corrected(EC2Backend)
def delete_vpc(original: Original, backend: Any, vpc_id: str) -> Any:
    _settle(backend, clock())
    return original(vpc_id)


def _settle(backend: Any, clock: SandboxClock) -> None:
    for endpoint in backend.vpc_end_points.values():
        if endpoint.state == "deleting" and clock.passed(endpoint._sandbox_since, INTERFACES_GONE):
            endpoint.state = "deleted"


@corrected(VPCEndPoint)
def get_filter_value(
    original: Original, endpoint: VPCEndPoint, filter_name: str, method_name: str | None = None
) -> Any:
    return endpoint.id if filter_name == "vpc-endpoint-id" else original(filter_name, method_name)


@corrected(EC2Backend)
def describe_vpc_endpoints(
    original: Original, backend: EC2Backend, vpc_end_point_ids: list[str] | None = None, filters: Any = None
) -> Any:
    _settle(backend, clock())
    there = [one for one in original(vpc_end_point_ids, filters) if one.state != "deleted"]
    if vpc_end_point_ids and not there:
        raise InvalidVpcEndPointIdError(vpc_end_point_ids[0])
    return there
