"""EC2: NAT gateways with delays that release their address, client tokens, routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.exceptions import InvalidFlowLogIdError
from moto.ec2.models import EC2Backend
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.route_tables import Route
from moto.ec2.responses import EC2Response

from livekit_deploy.sandbox.aws.ec2 import additions as ec2_account
from livekit_deploy.sandbox.aws.ec2.corrections import (
    dependencies as ec2_dependencies,
)
from livekit_deploy.sandbox.aws.ec2.corrections import (
    endpoints as ec2_endpoints,
)
from livekit_deploy.sandbox.aws.ec2.corrections import (
    interfaces as ec2_interfaces,
)
from livekit_deploy.sandbox.aws.ec2.corrections import (
    zones as ec2_zones,
)
from livekit_deploy.sandbox.aws.ec2.corrections.dependencies import refused
from livekit_deploy.sandbox.aws.every_service.patching import around, kept
from livekit_deploy.sandbox.clock import SandboxClock

Original = Callable[..., Any]

#: seconds of AWS's time
NAT_CREATION, NAT_DELETION = 105.0, 50.0
#: for which an address is still not given back when its NAT gateway is gone
NAT_ADDRESS_HELD = 15.0
_WITH_TOKEN = (
    "create_nat_gateway",
    "create_route_table",
    "create_vpc_endpoint",
    "create_launch_template",
    "create_flow_logs",
)


def install(clock: Callable[[], SandboxClock]) -> None:
    """Correct EC2; ``clock`` gives the clock of the moment."""
    ec2_dependencies.install()
    ec2_interfaces.install(clock)
    _nat_gateways(clock)
    _nat_addresses(clock)
    ec2_endpoints.install(clock)
    ec2_zones.install()
    ec2_account.install()
    _routes()
    _rules()
    _launch_templates()
    _flow_logs()
    for operation in _WITH_TOKEN:
        _honour_token(operation)


def _flow_logs() -> None:
    @around(EC2Backend, "describe_flow_logs")
    def describe_flow_logs(
        original: Original, backend: EC2Backend, flow_log_ids: list[str] | None = None, filters: Any = None
    ) -> Any:
        found = original(flow_log_ids, filters)
        if flow_log_ids and not found:
            raise InvalidFlowLogIdError(len(flow_log_ids), " ".join(flow_log_ids))
        return found


# ---- NAT gateways


def _nat_gateways(clock: Callable[[], SandboxClock]) -> None:
    @around(NatGateway, "__init__")
    def created(original: Original, gateway: Any, backend: EC2Backend, subnet_id: str, *args: Any, **more: Any) -> None:
        vpc_id = backend.get_subnet(subnet_id).vpc_id
        if not any(one.vpc and one.vpc.id == vpc_id for one in backend.internet_gateways.values()):
            raise refused("Gateway.NotAttached", f"Network {vpc_id} has no Internet gateway attached")
        original(backend, subnet_id, *args, **more)
        gateway.state, gateway._since = "pending", clock().now()

    @around(EC2Backend, "delete_nat_gateway")
    def delete_nat_gateway(original: Original, backend: EC2Backend, nat_gateway_id: str) -> Any:
        gateway = backend.nat_gateways.get(nat_gateway_id)
        if gateway is None:
            raise refused("NatGatewayNotFound", f"NatGateway {nat_gateway_id} was not found")
        if gateway.state not in ("deleting", "deleted"):
            gateway.state, gateway._since = "deleting", clock().now()
        return gateway

    @around(EC2Backend, "describe_nat_gateways")
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


def _nat_addresses(clock: Callable[[], SandboxClock]) -> None:
    """A NAT gateway's address belongs to EC2, also for a while after the gateway is gone."""

    @around(EC2Backend, "release_address")
    def release_address(
        original: Original, backend: EC2Backend, address: str | None = None, allocation_id: str | None = None
    ) -> None:
        gateways = [gateway._eni for gateway in backend.nat_gateways.values() if gateway.state != "deleted"]
        for one in backend.addresses:
            let_go = one.__dict__.get("_sandbox_let_go")
            held = one.eni in gateways or (let_go is not None and not clock().passed(let_go, NAT_ADDRESS_HELD))
            if allocation_id and one.allocation_id == allocation_id and held:
                raise refused("AuthFailure", "You do not have permission to access the specified resource.")
        original(address, allocation_id)


# ---- routes and rules


def _routes() -> None:
    for name in ("create_route", "replace_route"):

        @around(EC2Backend, name)
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

    Route.state = property(_route_state)


def _route_state(route: Any) -> str:
    """A route whose target has gone leads nowhere."""
    gateway, nat = route.gateway, route.nat_gateway
    detached = isinstance(gateway, InternetGateway) and gateway.vpc is None
    return "blackhole" if detached or (nat is not None and nat.state == "deleted") else "active"


def _launch_templates() -> None:
    # moto tells those with which it was made, whatever became of them
    LaunchTemplate.tags = property(LaunchTemplate.get_tags, lambda template, tags: None)

    @around(EC2Backend, "describe_launch_templates")
    def describe_launch_templates(
        original: Original,
        backend: Any,
        template_names: list[str] | None = None,
        template_ids: list[str] | None = None,
        filters: Any = None,
    ) -> Any:
        missing = [id for id in template_ids or [] if id not in backend.launch_templates]
        if missing:
            raise refused("InvalidLaunchTemplateId.NotFound", f"The launch template {missing[0]} does not exist")
        return original(template_names, template_ids, filters)


def _rules() -> None:
    @around(EC2Backend, "authorize_security_group_ingress")
    def authorize(original: Original, backend: EC2Backend, *args: Any, **more: Any) -> Any:
        """moto forgets what is said of a rule that refers to another group."""
        rules, group = original(*args, **more)
        said = {one.get("GroupId"): one.get("Description") for one in more.get("source_groups") or []}
        for rule in rules:
            if rule.source_group and (text := said.get(rule.source_group.get("GroupId"))):
                rule.ip_range = {"Description": text}
        return rules, group

    @around(EC2Backend, "modify_security_group_rules")
    def modify(original: Original, backend: EC2Backend, group_id: str, rules: Any) -> None:
        """moto leaves the group that a rule refers to as it was."""
        original(group_id, rules)
        group: Any = backend.get_security_group_by_name_or_id(group_id)
        for id, said in rules.items():
            if referred := said.get("ReferencedGroupId"):
                rule = group.get_rule(id)
                rule.source_group = {**rule.source_group, "GroupId": referred}


# ---- client tokens


def _honour_token(operation: str) -> None:
    @around(EC2Response, operation)
    def with_token(original: Original, response: Any) -> Any:
        token = response._get_param("ClientToken")
        answers = kept(response.ec2_backend, "tokens", dict)
        if token and (operation, token) in answers:
            return answers[operation, token]
        answer = original()
        if token:
            answers[operation, token] = answer
        return answer
