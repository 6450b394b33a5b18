"""GuardDuty's runtime monitoring: adds an endpoint and a security group to a cluster's VPC where it manages its agent.

Nobody asks for them, and GuardDuty does not take them away again. Sources: GuardDuty user guide, "Runtime Monitoring"
and "Disabling, uninstalling, and cleaning up resources in Runtime Monitoring".
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.guardduty.models import guardduty_backends

_FEATURES = ("RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING")
_MANAGED = {"GuardDutyManaged": "true"}


def monitor(backend: EC2Backend, vpc_id: str, subnets: list[Any]) -> None:
    """Put what GuardDuty needs into a VPC, once, where the account has it switched on."""
    name = f"GuardDutyManagedSecurityGroup-{vpc_id}"
    if not _on(backend) or any(one.name == name for one in backend.groups.get(vpc_id, {}).values()):
        return
    group = backend.create_security_group(
        name, f"Associated with VPC-{vpc_id} and tagged as GuardDutyManaged", vpc_id=vpc_id, tags=_MANAGED
    )
    backend.create_vpc_endpoint(
        vpc_id,
        f"com.amazonaws.{backend.region_name}.guardduty-data",
        "Interface",
        None,
        [],
        subnet_ids=[one.id for one in subnets],
        security_group_ids=[group.id],
        tags=_MANAGED,
        private_dns_enabled=True,
    )


def _on(backend: EC2Backend) -> bool:
    detectors = guardduty_backends[backend.account_id][backend.region_name].detectors.values()
    features = [one for detector in detectors if detector.enabled for one in detector.features]
    return any(
        one.get("status", one.get("Status")) == "ENABLED"
        for one in features
        if one.get("name", one.get("Name")) in _FEATURES
    )
