"""Checks each quota of the account, less what is used, against what `up` would make.

Source: AWS General Reference, "Service endpoints and quotas".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from livekit_deploy.checks.finding import Check, Trouble
from livekit_deploy.checks.prerequisites.context import PrerequisitesContext
from livekit_deploy.config.models import NodeGroup
from livekit_deploy.errors import ResourceError

_UNKNOWN = "NoSuchResourceException"
#: families that count against the standard quotas
_STANDARD = re.compile(r"[acdhimrtz][a-z0-9-]*\.")


@dataclass(frozen=True)
class Quota:
    """``used`` and ``needed`` count in the unit of the quota ``code`` of ``service``."""

    name: str
    service: str
    code: str
    used: Callable[[PrerequisitesContext], float]
    needed: Callable[[PrerequisitesContext], float]

    def look(self, survey: PrerequisitesContext) -> str:
        """Used, granted and needed; raises `Trouble` when too little is left."""
        needed = self.needed(survey)
        if not needed:
            return "none is needed"
        granted, used = self._granted(survey), self.used(survey)
        if used + needed > granted:
            raise Trouble(
                f"{needed:g} needed, {max(granted - used, 0):g} left: {used:g} of {granted:g} are used",
                cause=f"the quota {self.code} of {self.service} in {survey.env.region}",
                remedy="ask for more in Service Quotas (it may take a day), or delete what is not used",
            )
        return f"{needed:g} needed, {granted - used:g} left of {granted:g}"

    def _granted(self, survey: PrerequisitesContext) -> float:
        asked = {"ServiceCode": self.service, "QuotaCode": self.code}
        quotas = survey.cloud.service_quotas
        try:
            return float(quotas.get_service_quota(**asked)["Quota"]["Value"])
        except ResourceError as error:
            if error.code != _UNKNOWN:
                raise
        return float(quotas.get_aws_default_service_quota(**asked)["Quota"]["Value"])


def _vpcs(survey: PrerequisitesContext) -> float:
    return len(survey.cloud.ec2.pages("describe_vpcs", "Vpcs"))


def _addresses(survey: PrerequisitesContext) -> float:
    return len(survey.cloud.ec2.describe_addresses()["Addresses"])


def _gateways(survey: PrerequisitesContext) -> float:
    """In the zone that has most; a regional one is in each zone that it has an address in."""
    states = [{"Name": "state", "Values": ["pending", "available"]}]
    found = survey.cloud.ec2.pages("describe_nat_gateways", "NatGateways", Filter=states)
    subnets = {
        one["SubnetId"]: one["AvailabilityZone"] for one in survey.cloud.ec2.pages("describe_subnets", "Subnets")
    }
    zones = Counter(zone for one in found for zone in {subnets.get(one.get("SubnetId", "")), *_zones_of(one)} - {None})
    return max(zones.values(), default=0)


def _zones_of(gateway: Mapping[str, Any]) -> Iterator[str]:
    return (one["AvailabilityZone"] for one in gateway.get("NatGatewayAddresses", []) if "AvailabilityZone" in one)


def _clusters(survey: PrerequisitesContext) -> float:
    return len(survey.cloud.eks.pages("list_clusters", "clusters"))


def _rules(survey: PrerequisitesContext) -> float:
    """In the group that gets most."""
    rules = [item for item in survey.to_make if item.kind == "ec2.security_group_rule"]
    groups = Counter(str(item.dependencies()[0].address) for item in rules)
    return max(groups.values(), default=0)


# ---- vCPUs


def _running(capacity: str) -> Callable[[PrerequisitesContext], float]:
    def used(survey: PrerequisitesContext) -> float:
        states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        found = survey.cloud.ec2.pages("describe_instances", "Reservations", Filters=states)
        instances = [one for reservation in found for one in reservation["Instances"]]
        fitting = [one for one in instances if (one.get("InstanceLifecycle") == "spot") == (capacity == "spot")]
        standard = Counter(one["InstanceType"] for one in fitting if _STANDARD.match(one["InstanceType"]))
        sizes = _sizes(survey, sorted(standard))
        return float(sum(sizes.get(kind, 0) * count for kind, count in standard.items()))

    return used


def _wanted(capacity: str) -> Callable[[PrerequisitesContext], float]:
    def needed(survey: PrerequisitesContext) -> float:
        groups = [group for group in _groups(survey) if group.capacity == capacity]
        types = sorted({group.instance_types[0] for group in groups if _STANDARD.match(group.instance_types[0])})
        sizes = _sizes(survey, types)
        return float(sum(sizes.get(group.instance_types[0], 0) * group.desired for group in groups))

    return needed


def _groups(survey: PrerequisitesContext) -> Iterator[NodeGroup]:
    """The node groups that are to be made."""
    made = {item.name.rpartition("-")[0] or item.name for item in survey.to_make if item.kind == "eks.node_group"}
    nodes = survey.env.nodes
    for name, group in (("media", nodes.media), ("system", nodes.system)):
        if group is not None and name in made:
            yield group


def _sizes(survey: PrerequisitesContext, types: list[str]) -> dict[str, int]:
    """vCPUs of instance types."""
    if not types:
        return {}
    fitting = [{"Name": "instance-type", "Values": types}]  # a type that does not exist is no error here
    found = survey.cloud.ec2.pages("describe_instance_types", "InstanceTypes", Filters=fitting)
    return {one["InstanceType"]: one["VCpuInfo"]["DefaultVCpus"] for one in found}


QUOTAS = (
    Quota("VPCs", "vpc", "L-F678F1CE", _vpcs, lambda survey: survey.count("ec2.vpc")),
    Quota("addresses", "ec2", "L-0263D0A3", _addresses, lambda survey: survey.count("ec2.elastic_ip")),
    Quota("NAT gateways", "vpc", "L-FE5A380F", _gateways, lambda survey: min(survey.count("ec2.nat_gateway"), 1)),
    Quota("vCPUs", "ec2", "L-1216C47A", _running("on_demand"), _wanted("on_demand")),
    Quota("spot vCPUs", "ec2", "L-34B43A08", _running("spot"), _wanted("spot")),
    Quota("clusters", "eks", "L-1194D53C", _clusters, lambda survey: survey.count("eks.cluster")),
    Quota("rules a group", "vpc", "L-0EA8095F", lambda survey: 0, _rules),
)


def checks() -> Iterator[Check[PrerequisitesContext]]:
    """One for each quota."""
    for quota in QUOTAS:
        yield Check(quota.name, quota.look, ("identity",))
