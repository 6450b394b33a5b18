"""Endpoints of a VPC: to services that there are, once in a route table, found by id until they are deleted.

Source: EC2 API reference, CreateVpcEndpoint, ModifyVpcEndpoint, DescribeVpcEndpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.exceptions import InvalidVpcEndPointIdError
from moto.ec2.models import EC2Backend
from moto.ec2.models.vpcs import VPCEndPoint

from livekit_deploy.sandbox.aws.ec2_dependencies import refused
from livekit_deploy.sandbox.aws.patching import around

Original = Callable[..., Any]


def install() -> None:
    """Correct VPC endpoints."""
    _creation()
    _change()
    _description()


def _creation() -> None:
    @around(EC2Backend, "create_vpc_endpoint")
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
        return original(vpc_id, service_name, kind, policy_document, route_table_ids, **more)


def _check(backend: Any, service: str, kind: str, tables: set[str]) -> None:
    prefixes = {one.prefix_list_name for one in backend.managed_prefix_lists.values()}
    known = service in prefixes if kind == "Gateway" else service.startswith(f"com.amazonaws.{backend.region_name}.")
    if not known:
        raise refused("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist")
    for one in backend.vpc_end_points.values():
        there = one.state != "deleted" and one.service_name == service
        if there and tables & set(one.route_table_ids):
            raise refused("RouteAlreadyExists", f"a route table already has a route to {service}")


def _change() -> None:
    @around(VPCEndPoint, "modify")
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


def _description() -> None:
    @around(VPCEndPoint, "get_filter_value")
    def get_filter_value(
        original: Original, endpoint: VPCEndPoint, filter_name: str, method_name: str | None = None
    ) -> Any:
        return endpoint.id if filter_name == "vpc-endpoint-id" else original(filter_name, method_name)

    @around(EC2Backend, "describe_vpc_endpoints")
    def describe_vpc_endpoints(
        original: Original, backend: EC2Backend, vpc_end_point_ids: list[str] | None = None, filters: Any = None
    ) -> Any:
        there = [one for one in original(vpc_end_point_ids, filters) if one.state != "deleted"]
        if vpc_end_point_ids and not there:
            raise InvalidVpcEndPointIdError(vpc_end_point_ids[0])
        return there
