"""What AWS services add to a VPC unasked, and leave there when everything else is gone.

GuardDuty's runtime monitoring puts an interface endpoint and a security group into the VPC of each cluster that it
watches; somebody switches it on once, for the account or the whole organization. Others that put something into a
network (load balancers, ElastiCache, Lambda) were asked to, and take it away themselves.
Source: GuardDuty user guide, "Disabling, uninstalling, and cleaning up resources in Runtime Monitoring".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livekit_deploy.aws.access.tags import mapping

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Service:
    """Its name, the tag with value ``true`` on what it makes, the end of its endpoint's name, its group's beginning."""

    name: str
    tag: str
    endpoint: str
    group: str


UNASKED = (Service("GuardDuty", "GuardDutyManaged", ".guardduty-data", "GuardDutyManagedSecurityGroup-"),)


def of_endpoint(item: Item) -> str:
    """The service that made a VPC endpoint unasked, "" for any other."""
    return next((one.name for one in UNASKED if _marked(one, item) and item["ServiceName"].endswith(one.endpoint)), "")


def of_group(item: Item) -> str:
    """The service that made a security group unasked, "" for any other."""
    return next((one.name for one in UNASKED if _marked(one, item) and item["GroupName"].startswith(one.group)), "")


def _marked(service: Service, item: Item) -> bool:
    return mapping(item.get("Tags", [])).get(service.tag) == "true"
