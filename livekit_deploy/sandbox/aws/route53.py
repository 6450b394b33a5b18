"""Route 53: a batch of changes fits the records that there are, and a caller reference names one zone.

Source: Route 53 API reference, ChangeResourceRecordSets and CreateHostedZone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.route53.exceptions import Route53ClientError
from moto.route53.models import Route53Backend
from moto.route53.responses import Route53

from livekit_deploy.sandbox.aws.patching import around, kept

Original = Callable[..., Any]
Item = dict[str, Any]


def install() -> None:
    """Correct Route 53."""

    @around(Route53Backend, "change_resource_record_sets")
    def change_resource_record_sets(original: Original, backend: Any, zoneid: str, changes: list[Item]) -> None:
        _check(backend.get_hosted_zone(zoneid), changes)
        original(zoneid, changes)

    @around(Route53, "create_hosted_zone")
    def create_hosted_zone(original: Original, response: Any) -> Any:
        seen: set[str] = kept(response.backend, "references", set)
        reference = str(response._get_param("CallerReference"))
        if reference in seen:
            raise Route53ClientError("HostedZoneAlreadyExists", "A hosted zone has already been created by it.")
        answer = original()
        seen.add(reference)
        return answer


def _check(zone: Any, changes: list[Item]) -> None:
    """Refuse to delete what is not there as it is said to be, and to create what is."""
    there = {(_dotted(one.name), one.type, one.set_identifier): one for one in zone.rrsets}
    for change in changes:
        wanted = change["ResourceRecordSet"]
        key = (_dotted(wanted["Name"]), wanted["Type"], wanted.get("SetIdentifier"))
        named = f"[name='{key[0]}', type='{key[1]}']"
        if change["Action"] == "CREATE" and key in there:
            raise _refused(f"Tried to create resource record set {named} but it already exists")
        if change["Action"] == "DELETE":
            found = there.pop(key, None)
            if found is None:
                raise _refused(f"Tried to delete resource record set {named} but it was not found")
            if _values(wanted) != sorted(found.records or []):
                raise _refused(
                    f"Tried to delete resource record set {named} "
                    "but the values provided do not match the current values"
                )


def _refused(message: str) -> Route53ClientError:
    return Route53ClientError("InvalidChangeBatch", f"[{message}]")


def _values(record: Item) -> list[str]:
    return sorted(one["Value"] for one in record.get("ResourceRecords") or [])


def _dotted(name: str) -> str:
    lower = name.lower()
    return lower if lower.endswith(".") else f"{lower}."
