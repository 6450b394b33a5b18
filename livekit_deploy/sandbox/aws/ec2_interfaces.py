"""EC2: the network interfaces of a load balancer stay for minutes after it was deleted, and hold what they are in.

Source: ELB user guide, "Delete a load balancer"; users report DependencyViolation for that long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.models import EC2Backend

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


def _settle_before(operation: str, clock: Callable[[], SandboxClock]) -> None:
    @around(EC2Backend, operation)
    def settled(original: Original, backend: EC2Backend, *args: Any, **more: Any) -> Any:
        for id, interface in list(backend.enis.items()):
            left = interface.__dict__.get("_sandbox_left")
            if left is not None and clock().passed(left, INTERFACES_GONE):
                backend.enis.pop(id, None)
        return original(*args, **more)
