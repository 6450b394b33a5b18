"""EC2 refuses to delete what others still use; moto deletes it, which hides wrong orders of teardown.

Source: EC2 API reference, DeleteVpc, DeleteSubnet, DeleteSecurityGroup, DetachInternetGateway, ReleaseAddress.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response

from livekit_deploy.sandbox.aws.ec2.errors import refused
from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install


def _depended(what: str, id: str) -> DependencyViolationError:
    return DependencyViolationError(f"The {what} '{id}' has dependencies and cannot be deleted.")


def interfaces_in(backend: EC2Backend, vpc_id: str) -> Iterator[Any]:
    """The network interfaces of a VPC."""
    for interface in backend.enis.values():
        if interface.subnet is not None and interface.subnet.vpc_id == vpc_id:
            yield interface


@corrected(EC2Backend)
def delete_vpc(original: Original, backend: EC2Backend, vpc_id: str) -> Any:
    attached = [one for one in backend.internet_gateways.values() if one.vpc and one.vpc.id == vpc_id]
    endpoints = [one for one in backend.vpc_end_points.values() if one.vpc_id == vpc_id and one.state != "deleted"]
    groups = [group for group in backend.groups.get(vpc_id, {}).values() if group.name != "default"]
    acls = [one for one in backend.network_acls.values() if one.vpc_id == vpc_id and not _default(one)]
    if attached or endpoints or groups or acls or list(interfaces_in(backend, vpc_id)):
        raise _depended("vpc", vpc_id)
    deleted = original(vpc_id)
    for acl in [one for one in backend.network_acls.values() if one.vpc_id == vpc_id]:
        del backend.network_acls[acl.id]
    return deleted


def _default(acl: Any) -> bool:
    return str(acl.default).lower() == "true"


@corrected(EC2Backend)
def delete_subnet(original: Original, backend: EC2Backend, subnet_id: str) -> Any:
    if any(one.subnet is not None and one.subnet.id == subnet_id for one in backend.enis.values()):
        raise _depended("subnet", subnet_id)
    deleted = original(subnet_id)
    for table in backend.route_tables.values():
        for association in [one for one, other in table._associations.items() if other == subnet_id]:
            del table._associations[association]
    return deleted


@corrected(EC2Backend)
def delete_security_group(
    original: Original, backend: EC2Backend, name: str | None = None, group_id: str | None = None
) -> Any:
    if group_id is not None:
        _check_group(backend, group_id)
    return original(name, group_id)


def _check_group(backend: EC2Backend, group_id: str) -> None:
    group = backend.get_security_group_from_id(group_id)
    if group is not None and group.name == "default" and group.vpc_id in backend.vpcs and not _leaving(backend, group):
        raise refused("CannotDelete", f"the specified group: '{group_id}' name: 'default' cannot be deleted by a user")
    on_interface = any(one.id == group_id for interface in backend.enis.values() for one in interface.group_set)
    others = (other for groups in backend.groups.values() for other in groups.values() if other.id != group_id)
    referenced = any(
        (rule.source_group or {}).get("GroupId") == group_id
        for other in others
        for rule in (*other.ingress_rules, *other.egress_rules)
    )
    if on_interface or referenced:
        raise DependencyViolationError(f"resource {group_id} has a dependent object")


def _leaving(backend: EC2Backend, group: Any) -> bool:
    """Whether moto itself deletes the default group, as part of deleting its VPC (its subnets are gone then)."""
    return not backend.describe_subnets(filters={"vpc-id": group.vpc_id})


@corrected(EC2Backend)
def detach_internet_gateway(original: Original, backend: EC2Backend, internet_gateway_id: str, vpc_id: str) -> None:
    if any(_public(backend, interface) for interface in interfaces_in(backend, vpc_id)):
        raise DependencyViolationError(
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway."
        )
    original(internet_gateway_id, vpc_id)


@corrected(EC2Backend)
def attach_internet_gateway(original: Original, backend: EC2Backend, internet_gateway_id: str, vpc_id: str) -> Any:
    there = [id for id, one in backend.internet_gateways.items() if one.vpc and one.vpc.id == vpc_id]
    if there not in ([], [internet_gateway_id]):  # itself once more is "already associated", which moto knows
        raise refused("InvalidParameterValue", f"Network {vpc_id} already has an internet gateway attached")
    return original(internet_gateway_id, vpc_id)


def _public(backend: EC2Backend, interface: Any) -> bool:
    mapped = any(address.eni is interface for address in backend.addresses)
    return mapped or bool(getattr(interface, "public_ip", None)) or bool(interface.__dict__.get("_sandbox_public"))


@corrected(EC2Response)  # moto itself deletes those of an instance that ends
def delete_network_interface(original: Original, response: EC2Response) -> Any:
    id = response._get_param("NetworkInterfaceId")
    found = response.ec2_backend.enis.get(id)
    if found is not None and (found.status == "in-use" or found.attachment_id or found.instance):
        raise refused("InvalidParameterValue", f"Network interface '{id}' is currently in use.")
    return original()


@corrected(EC2Backend)
def release_address(
    original: Original, backend: EC2Backend, address: str | None = None, allocation_id: str | None = None
) -> None:
    found = [one for one in backend.addresses if allocation_id and one.allocation_id == allocation_id]
    if any(one.association_id or one.eni or one.instance for one in found):
        raise refused("InvalidIPAddress.InUse", f"Address {found[0].public_ip} is in use.")
    original(address, allocation_id)


@corrected(EC2Backend)
def delete_route_table(original: Original, backend: EC2Backend, route_table_id: str) -> None:
    table = backend.get_route_table(route_table_id)
    if table.main_association_id and backend.describe_subnets(filters={"vpc-id": table.vpc_id}):
        raise _depended("routeTable", route_table_id)
    original(route_table_id)


@corrected(EC2Backend)
def associate_route_table(
    original: Original,
    backend: EC2Backend,
    route_table_id: str,
    gateway_id: str | None = None,
    subnet_id: str | None = None,
) -> Any:
    for table in backend.route_tables.values():
        if subnet_id is not None and subnet_id in table._associations.values() and table.id != route_table_id:
            raise refused(
                "Resource.AlreadyAssociated",
                f"the association for route table {route_table_id} conflicts with an existing association",
            )
    return original(route_table_id, gateway_id, subnet_id)
