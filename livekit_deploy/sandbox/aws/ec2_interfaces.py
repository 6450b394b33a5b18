"""EC2: the network interfaces of a load balancer stay for minutes after it was deleted, and hold what they are in.

One that is in use cannot be deleted. Sources: EC2 API reference, DeleteNetworkInterface; ELB user guide, "Delete a load
balancer"; users report DependencyViolation for that long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response

from livekit_deploy.sandbox.aws.ec2_dependencies import refused
from livekit_deploy.sandbox.aws.elbv2 import INTERFACES_GONE
from livekit_deploy.sandbox.aws.patching import around
from livekit_deploy.sandbox.clock import SandboxClock

Original = Callable[..., Any]
#: what an interface holds, and what shows it
_WHERE_THEY_COUNT = (
    *("get_all_network_interfaces", "delete_network_interface", "delete_security_group", "delete_subnet"),
    *("delete_vpc", "detach_internet_gateway"),
)


def install(clock: Callable[[], SandboxClock]) -> None:
    """Let interfaces whose load balancer was deleted go when their time has come."""
    for operation in _WHERE_THEY_COUNT:
        _settle_before(operation, clock)

    @around(EC2Response, "delete_network_interface")
    def delete_network_interface(original: Original, response: Any) -> Any:
        """Only of one that is attached to nothing."""
        id = response._get_param("NetworkInterfaceId")
        interface = response.ec2_backend.enis.get(id)
        if interface is not None and interface.status == "in-use":
            raise refused("InvalidParameterValue", f"Network interface '{id}' is currently in use.")
        return original()


def _settle_before(operation: str, clock: Callable[[], SandboxClock]) -> None:
    @around(EC2Backend, operation)
    def settled(original: Original, backend: EC2Backend, *args: Any, **more: Any) -> Any:
        for id, interface in list(backend.enis.items()):
            left = interface.__dict__.get("_sandbox_left")
            if left is not None and clock().passed(left, INTERFACES_GONE):
                backend.enis.pop(id, None)
        return original(*args, **more)
