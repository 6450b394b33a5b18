"""Regions and zones of an account: shuffled zone letters, and zones that it may opt in to.

moto gives all accounts the same letters, and shows every zone and region as one that the account has.
Sources: EC2 API reference, DescribeAvailabilityZones and DescribeRegions; EC2 user guide, "Regions and Zones" (letters
are shuffled for each account, ids are not); EKS user guide, "Subnet requirements for clusters".
"""

from __future__ import annotations

import copy
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend, Zone
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.responses import EC2Response

from livekit_deploy.sandbox.aws.ec2.errors import refused
from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original, kept

#: where EKS places no control plane
UNSUPPORTED = {"use1-az3", "usw1-az2", "cac1-az3", "cnn1-az4"}
_OPTED_OUT = "not-opted-in"
corrected = Corrections()
install = corrected.install


@corrected(RegionsAndZonesBackend)
def describe_availability_zones(
    original: Original, backend: Any, filters: Any = None, zone_names: Any = None, zone_ids: Any = None
) -> list[Zone]:
    """From the account's own list: moto filters what is on its class."""
    listed, backend.zones = zones_of(backend), {backend.region_name: zones_of(backend)}
    try:
        found: list[Zone] = original(filters, zone_names, zone_ids)
    finally:
        del backend.zones
    wanted = set(zone_names or ()) | set(zone_ids or ())
    missing = wanted - {one.name for one in listed} - {one.zone_id for one in listed}
    if missing:
        raise refused("InvalidParameterValue", f"Invalid availability zone: [{sorted(missing)[0]}]")
    return found


@corrected(EC2Response, "describe_availability_zones")
def shown(original: Original, response: Any) -> Any:
    """Zones that the account has not opted in to show only to who asks for all."""
    answer = original()
    if str(response._get_param("AllAvailabilityZones")).lower() != "true":
        zones = answer.result["AvailabilityZones"]
        answer.result["AvailabilityZones"] = [one for one in zones if one.opt_in_status != _OPTED_OUT]
    return answer


@corrected(SubnetBackend)
def create_subnet(original: Original, backend: Any, *args: Any, **more: Any) -> Any:
    made = original(*args, **more)
    if zone := backend.get_zone_by_name(made.availability_zone):
        made._availability_zone = zone
    return made


@corrected(EC2Response)
def describe_regions(original: Original, response: Any) -> Any:
    """Those that the account has switched on, of its own partition."""
    answer, here = original(), _partition(response.region)
    if str(response._get_param("AllRegions")).lower() != "true":
        answer.result["Regions"] = [
            one for one in answer.result["Regions"] if one.opt_in_status != _OPTED_OUT and _partition(one.name) == here
        ]
    return answer


def zones_of(backend: EC2Backend) -> list[Zone]:
    """The zones of an account in a region, by their letters: another account has them in another order."""
    found: list[Zone] = kept(backend, "zones", lambda: _shuffled(backend))
    return found


def _shuffled(backend: EC2Backend) -> list[Zone]:
    usual = [copy.copy(one) for one in RegionsAndZonesBackend.zones.get(backend.region_name, [])]
    ids = [one.zone_id for one in usual]
    shift = int(backend.account_id) % len(ids) if ids else 0
    for zone, id in zip(usual, [*ids[shift:], *ids[:shift]], strict=True):
        zone.zone_id = id
        _describe(zone, zone.region_name, "opt-in-not-required")
    return usual


def add_local_zone(backend: EC2Backend, name: str, id: str, kind: str = "local-zone", opted_in: bool = False) -> None:
    """Let a region have a local or a wavelength zone."""
    zone = Zone(name, backend.region_name, id, kind)
    _describe(zone, name[:-1], "opted-in" if opted_in else _OPTED_OUT)
    zones_of(backend).append(zone)


def _describe(zone: Any, group: str, status: str) -> None:
    zone.group_name, zone.opt_in_status, zone.network_border_group = group, status, group


def _partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
