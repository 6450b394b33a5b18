"""ELB: targets are checked before they are healthy, and drain after deregistration.

moto calls a target healthy at once, and forgets one that is deregistered.
Source: ELB user guide, "Target health status" and "Deregistration delay".
"""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original
from livekit_deploy.sandbox.clock import SandboxClock, clock

_DELAY = "deregistration_delay.timeout_seconds"
corrected = Corrections()
install = corrected.install


@corrected(FakeTargetGroup)
def register(original: Original, group: Any, targets: list[dict[str, Any]]) -> None:
    known = {id: one.get("_sandbox_since", 0.0) for id, one in group.targets.items()}
    original(targets)
    moment = clock().now()
    for one in targets:
        group.targets[one["Id"]]["_sandbox_since"] = known.get(one["Id"], moment)


@corrected(FakeTargetGroup)
def deregister(original: Original, group: Any, targets: list[dict[str, Any]]) -> None:
    original(targets)
    moment = clock().now()
    for one in targets:
        group.deregistered_targets[one["Id"]]["_sandbox_since"] = moment


@corrected(FakeTargetGroup)
def health_for(original: Original, group: Any, target: dict[str, Any], ec2: Any) -> Any:
    found = original(target, ec2)
    if found.status == "healthy" and not healthy(group, found.instance_id, clock()):
        said = "Initial health checks in progress"
        return FakeHealthStatus(
            found.instance_id, found.port, found.health_check_port, "initial", "Elb.InitialHealthChecking", said
        )
    going = group.deregistered_targets.get(target["Id"])
    if found.reason == "Target.NotRegistered" and going and _draining(group, going, clock()):
        said = "Target deregistration is in progress"
        reason = "Target.DeregistrationInProgress"
        return FakeHealthStatus(found.instance_id, going["Port"], found.health_check_port, "draining", reason, said)
    return found


@corrected(ELBv2Backend)
def describe_target_health(original: Original, backend: Any, arn: str, targets: list[dict[str, Any]]) -> Any:
    group = backend.target_groups.get(arn)
    if group is not None and not targets:
        going = [one for one in group.deregistered_targets.values() if _draining(group, one, clock())]
        targets = [*group.targets.values(), *going]
        if not targets:
            return []
    return original(arn, targets)


def healthy(group: Any, id: str, clock: SandboxClock) -> bool:
    """Whether a registered target has passed the checks that its group asks for."""
    seconds = float(group.health_check_interval_seconds) * int(group.healthy_threshold_count)
    return clock.passed(group.targets[id].get("_sandbox_since", 0.0), seconds)


def _draining(group: Any, target: dict[str, Any], clock: SandboxClock) -> bool:
    return not clock.passed(target.get("_sandbox_since", 0.0), float(group.attributes.get(_DELAY) or 300))
