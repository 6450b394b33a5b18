"""Availability zones: those of the file, or the first ones of the region that EKS accepts."""

from __future__ import annotations

from livekit_deploy.config.models import Network

#: the control plane is not offered there (EKS user guide, "VPC and subnet requirements")
REFUSED = frozenset({"us-east-1e"})
_LETTERS = "abcdef"
#: regions that do not offer new accounts the first letters (EC2 user guide, "Regions and Zones")
_OFFERED = {"ap-northeast-1": "acd", "ca-central-1": "abd", "us-west-1": "ac"}


def zones(network: Network, region: str) -> list[str]:
    """The names of the zones, in the order in which they get their subnets."""
    given = network.availability_zones
    if not isinstance(given, int):
        return list(given)
    offered = [region + letter for letter in _OFFERED.get(region, _LETTERS)]
    return [zone for zone in offered if zone not in REFUSED][:given]
