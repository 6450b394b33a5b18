"""ELB: load balancers take their time, have interfaces in their subnets, and are named by their type.

moto makes them active by looking at them, without interfaces, calls all of them ``app`` in their ARN, and deletes them
under deletion protection. Source: ELB user guide, "Load balancer subnets and zones" and "Deletion protection"; an
interface's description names its load balancer.
"""

from __future__ import annotations

import threading
from typing import Any

import moto.elbv2.models
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original
from livekit_deploy.sandbox.clock import clock

#: AWS's seconds until a new one is active, and until the interfaces of one that was deleted are gone
PROVISIONING, INTERFACES_GONE = 130.0, 150.0
_asked = threading.local()
corrected = Corrections()


@corrected(ELBv2Backend)
def create_load_balancer(original: Original, backend: Any, *args: Any, **more: Any) -> Any:
    _asked.kind = more.get("loadbalancer_type") or "application"
    made = original(*args, **more)
    made._sandbox_since = clock().now()
    kind = "net" if made.type == "network" else "app"
    made._sandbox_interfaces = []
    for subnet in made.subnets:
        interface = backend.ec2_backend.create_network_interface(
            subnet,
            "",
            group_ids=list(made.security_groups or []),
            description=f"ELB {kind}/{made.name}/{made.arn.rpartition('/')[2]}",
        )
        interface.status = "in-use"
        interface._sandbox_public = made.scheme == "internet-facing"
        made._sandbox_interfaces.append(interface.id)
    return made


@corrected(ELBv2Backend)
def describe_load_balancers(original: Original, backend: Any, *args: Any, **more: Any) -> Any:
    found = original(*args, **more)
    for balancer in found:  # moto makes a new one active by looking at it
        ready = clock().passed(getattr(balancer, "_sandbox_since", 0.0), PROVISIONING)
        balancer.state = "active" if ready else "provisioning"
    return found


@corrected(ELBv2Backend)
def delete_load_balancer(original: Original, backend: Any, arn: str) -> None:
    balancer = backend.load_balancers.get(arn)
    if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise _not_permitted(arn)
    original(arn)
    for id in getattr(balancer, "_sandbox_interfaces", []):
        if (interface := backend.ec2_backend.enis.get(id)) is not None:
            interface._sandbox_left = clock().now()


def install() -> None:
    """Correct load balancers."""
    corrected.install()
    _name_by_type()


def _not_permitted(arn: str) -> ELBClientError:
    message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
    return ELBClientError("OperationNotPermitted", message)


@corrected(ELBv2Backend)
def describe_tags(original: Original, backend: Any, arns: list[str]) -> Any:
    for arn in arns:
        backend._get_resource_by_arn(arn)  # raises for one that is not there
    return original(arns)


def _name_by_type() -> None:
    """moto calls every load balancer an application load balancer in its ARN."""
    told = moto.elbv2.models.make_arn_for_load_balancer

    def make_arn_for_load_balancer(*args: Any, **more: Any) -> str:
        arn = str(told(*args, **more))
        network = getattr(_asked, "kind", "") == "network"
        return arn.replace(":loadbalancer/app/", ":loadbalancer/net/") if network else arn

    moto.elbv2.models.make_arn_for_load_balancer = make_arn_for_load_balancer
