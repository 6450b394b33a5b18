"""Route 53: validates a batch of changes against the existing records; a caller reference names one zone.

Names are kept as Route 53 keeps them: in lower case, with a dot at the end, and with the asterisk escaped. moto keeps
any record under the name that was written, and gives all zones the same nameservers.
Sources: Route 53 API reference, ChangeResourceRecordSets, CreateHostedZone, ListHostedZonesByName; Route 53 developer
guide, "DNS domain name format", "Supported DNS record types" and "Choosing between alias and non-alias records".
"""

from __future__ import annotations

import itertools
from typing import Any

from moto.core.responses import ActionResult
from moto.route53.exceptions import Route53ClientError
from moto.route53.models import DelegationSet, RecordSet, Route53Backend
from moto.route53.responses import Route53

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original, kept
from livekit_deploy.sandbox.aws.route53.names import plain, stored

corrected = Corrections()
install = corrected.install
Item = dict[str, Any]
Key = tuple[str, str, str | None]

#: the first of moto's own, which every zone of it has
_FIRST_SERVER, _FIRST_DOMAIN = 2048, 64
_ENDS = ("com", "net", "org", "co.uk")


@corrected(Route53Backend)
def change_resource_record_sets(original: Original, backend: Any, zoneid: str, changes: list[Item]) -> None:
    zone = backend.get_hosted_zone(zoneid)
    for change in changes:
        record = change["ResourceRecordSet"]
        record["Name"] = stored(record["Name"])
    _check(zone, changes)
    original(zoneid, changes)


@corrected(Route53Backend)
def list_resource_record_sets(
    original: Original, backend: Any, zone_id: str, start_type: str, start_name: str, max_items: int
) -> Any:
    return original(zone_id, start_type, stored(start_name) if start_name else start_name, max_items)


@corrected(Route53)
def create_hosted_zone(original: Original, response: Any) -> Any:
    seen: set[str] = kept(response.backend, "references", set)
    reference = str(response._get_param("CallerReference"))
    if reference in seen:
        raise Route53ClientError("HostedZoneAlreadyExists", "A hosted zone has already been created by it.")
    answer = original()
    seen.add(reference)
    return answer


@corrected(Route53)
def list_hosted_zones_by_name(original: Original, response: Any) -> Any:
    return ActionResult({**original().result, "IsTruncated": False, "MaxItems": "100"})


@corrected(Route53Backend, "create_hosted_zone")
def create_named_zone(original: Original, backend: Any, name: str, *args: Any, **more: Any) -> Any:
    return original(stored(name), *args, **more)


@corrected(Route53Backend)
def create_reusable_delegation_set(original: Original, backend: Any, *args: Any, **more: Any) -> DelegationSet:
    """Each has nameservers of its own."""
    made: DelegationSet = original(*args, **more)
    number = 4 * next(kept(backend, "delegations", itertools.count))
    made.name_servers = [
        f"ns-{_FIRST_SERVER + number + place}.awsdns-{_FIRST_DOMAIN + place}.{end}" for place, end in enumerate(_ENDS)
    ]
    return made


# ---- what a batch may do


def _check(zone: Any, changes: list[Item]) -> None:
    """Refuse what does not fit the records that there are, each change after those before it."""
    there: dict[Key, RecordSet | None] = {(stored(one.name), one.type, one.set_identifier): one for one in zone.rrsets}
    for change in changes:
        wanted = change["ResourceRecordSet"]
        key = (wanted["Name"], wanted["Type"], wanted.get("SetIdentifier"))
        if change["Action"] == "DELETE":
            _check_deletion(there.pop(key, None), wanted, f"[name='{key[0]}', type='{key[1]}']")
            continue
        if change["Action"] == "CREATE" and key in there:
            raise _refused(
                f"Tried to create resource record set [name='{key[0]}', type='{key[1]}'] but it already exists"
            )
        _check_place(zone, key, set(there) - {key})
        if alias := wanted.get("AliasTarget"):
            _check_alias(zone, wanted, alias, set(there))
        there[key] = None


def _check_deletion(found: RecordSet | None, wanted: Item, named: str) -> None:
    if found is None:
        raise _refused(f"Tried to delete resource record set {named} but it was not found")
    if _values(wanted) != sorted(found.records or []):
        raise _refused(
            f"Tried to delete resource record set {named} but the values provided do not match the current values"
        )


def _check_place(zone: Any, key: Key, others: set[Key]) -> None:
    """What else there is at the name."""
    (name, kind, identifier), apex = key, stored(zone.name)
    if name != apex and not name.endswith(f".{apex}"):
        raise _refused(f"RRSet with DNS name {name} is not permitted in zone {apex}")
    if kind == "CNAME" and name == apex:
        raise _refused(f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {apex}")
    types = {other for at, other, _ in others if at == name}
    if kind == "CNAME" and types - {"CNAME"}:
        raise _refused(
            f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the "
            f"same DNS name in zone {apex}"
        )
    if kind != "CNAME" and "CNAME" in types:
        raise _refused(
            f"RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type  CNAME "
            f"with the same DNS name already exists in zone {apex}"
        )
    identifiers = {one for at, other, one in others if (at, other) == (name, kind)}
    if identifier is None and identifiers:
        raise _refused(
            f"RRSet with DNS name {name}, type {kind} cannot be created as other RRSets exist with the same name and "
            "type."
        )
    if identifier is not None and None in identifiers:
        raise _refused(
            f"RRSet with DNS name {name}, type {kind}, SetIdentifier {identifier} cannot be created because a "
            "non-weighted RRSet with the same name and type already exists."
        )


def _check_alias(zone: Any, wanted: Item, alias: Item, there: set[Key]) -> None:
    """An alias has no TTL; within its own zone it leads to a record of the same type, elsewhere to a name of AWS's."""
    kind, target = wanted["Type"], stored(alias["DNSName"])
    if "TTL" in wanted or wanted.get("ResourceRecords"):
        raise Route53ClientError(
            "InvalidInput",
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
            f"TrafficPolicyInstanceId], but found more than one in Change with [Name={wanted['Name']}, Type={kind}]",
        )
    said = f"Tried to create an alias that targets {target}, type {kind} in zone {alias['HostedZoneId']},"
    own = alias["HostedZoneId"] == zone.resource_id
    if own and not target.endswith(stored(zone.name)):
        raise _refused(f"{said} but the alias target name does not lie within the target zone")
    if own and not any((at, other) == (target, kind) for at, other, _ in there):
        raise _refused(f"{said} but that target was not found")
    if not own and not plain(target).endswith((".amazonaws.com", ".amazonaws.com.cn", ".cloudfront.net")):
        raise _refused(f"{said} but the alias target name does not lie within the target zone")


def _refused(message: str) -> Route53ClientError:
    return Route53ClientError("InvalidChangeBatch", f"[{message}]")


def _values(record: Item) -> list[str]:
    return sorted(one["Value"] for one in record.get("ResourceRecords") or [])
