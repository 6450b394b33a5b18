"""EC2: a load balancer's network interfaces stay for minutes after its deletion and block what they are in; each
interface has security groups of its own, and an instance's are those of its primary one.

moto shows an interface with the groups of its instance beside its own, and an instance with those of its start.
Sources: ELB user guide, "Delete a load balancer"; users report DependencyViolation for that long; EC2 API reference,
Instance, ModifyInstanceAttribute and ModifyNetworkInterfaceAttribute.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.instances import Instance

from livekit_deploy.sandbox.aws.elbv2.corrections.load_balancers import INTERFACES_GONE
from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original
from livekit_deploy.sandbox.clock import clock

#: what an interface holds, and what shows it
_WHERE_THEY_COUNT = (
    *("get_all_network_interfaces", "delete_network_interface", "delete_security_group", "delete_subnet"),
    *("delete_vpc", "detach_internet_gateway"),
)

corrected = Corrections()


def install() -> None:
    """Let interfaces whose load balancer was deleted go when their time has come."""
    corrected.install()
    NetworkInterface.group_set = property(lambda interface: interface._group_set)
    Instance.security_groups = property(_groups, _carry)


def _groups(instance: Any) -> Any:
    primary = instance.__dict__.get("nics", {}).get(0)
    return primary._group_set if primary is not None else instance.__dict__["_sandbox_groups"]


def _carry(instance: Any, groups: Any) -> None:
    instance.__dict__["_sandbox_groups"] = groups
    primary = instance.__dict__.get("nics", {}).get(0)
    if primary is not None:
        primary._group_set = list(groups)


@corrected(EC2Backend, *_WHERE_THEY_COUNT)
def settled(original: Original, backend: EC2Backend, *args: Any, **more: Any) -> Any:
    for id, interface in list(backend.enis.items()):
        left = interface.__dict__.get("_sandbox_left")
        if left is not None and clock().passed(left, INTERFACES_GONE):
            backend.enis.pop(id, None)
    return original(*args, **more)
