"""Finds the hosted zone of a domain, and every record at a name.

Sources: Route 53 API reference, ListHostedZonesByName and ListResourceRecordSets; Route 53 developer guide, "Supported
DNS record types" and "Routing traffic for subdomains".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.base.domains import above, plain
from livekit_deploy.errors import Absent, DeployError, NotOurs, ResourceError

RecordSet = Mapping[str, Any]

#: what sends some callers elsewhere although the A record leads to us
_BESIDE = {"AAAA": "callers with IPv6", "HTTPS": "browsers", "SVCB": "clients that ask for it"}


def hosted_zone(cloud: Cloud, domain: str) -> str:
    """The id of the public hosted zone ``domain``, of several the one that the domain is delegated to.

    Raises `ResourceError` when the account has none, and when it has several and none can be told to be the one.
    """
    said = cloud.route53.list_hosted_zones_by_name(DNSName=domain)["HostedZones"]
    public = [zone for zone in said if not zone.get("Config", {}).get("PrivateZone")]
    found = [str(zone["Id"].rpartition("/")[2]) for zone in public if plain(zone["Name"]) == plain(domain)]
    if not found:
        raise ResourceError(
            f"this account has no public hosted zone {domain}",
            hint="create it, correct livekit.hosted_zone, or leave it out and make the records by hand",
        )
    return found[0] if len(found) == 1 else _delegated(cloud, domain, found)


def _delegated(cloud: Cloud, domain: str, ids: Sequence[str]) -> str:
    """The one whose nameservers public DNS names for the domain."""
    try:
        told = cloud.context.nameservers(domain)
        seen = f"{domain} is delegated to {', '.join(sorted(told)) or 'nobody'}"
    except DeployError as error:
        told, seen = set(), f"it is not known which one answers: {error.message}"
    servers = {id: nameservers_of(cloud, id) for id in ids}
    found = [id for id, own in servers.items() if own & told]
    if len(found) == 1:
        return found[0]
    each = "; ".join(f"{id}: {', '.join(sorted(own))}" for id, own in servers.items())
    raise ResourceError(
        f"this account has {len(ids)} public hosted zones {domain} ({', '.join(ids)}), and {seen}",
        hint="delete the zones that nobody uses, or set the nameservers of the right zone at the domain's "
        f"registrar or in the zone above ({each})",
    )


def nameservers_of(cloud: Cloud, id: str) -> set[str]:
    """The nameservers of a public hosted zone."""
    said = cloud.route53.get_hosted_zone(Id=id)
    return {plain(server) for server in said["DelegationSet"]["NameServers"]}


class Contents:
    """The record sets of one hosted zone. The first page is asked for whole: a plan reads all our records from it."""

    def __init__(self, cloud: Cloud, zone: str) -> None:
        self.cloud, self.zone = cloud, zone

    def at(self, name: str) -> list[RecordSet]:
        """Every record set at a name, of all types; none where the zone itself is gone."""
        page = self._first
        found = _at(page, name)
        whole = not page["IsTruncated"] or (found and plain(page["NextRecordName"]) != name)
        if whole:
            return found
        asked = {"HostedZoneId": self.zone, "StartRecordName": name}
        return _at(self.cloud.route53.list_resource_record_sets(**asked), name)

    @cached_property
    def _first(self) -> Mapping[str, Any]:
        try:
            return dict(self.cloud.route53.list_resource_record_sets(HostedZoneId=self.zone))
        except Absent:
            return {"ResourceRecordSets": [], "IsTruncated": False}


def _at(page: Mapping[str, Any], name: str) -> list[RecordSet]:
    return [item for item in page["ResourceRecordSets"] if plain(item["Name"]) == name]


def pick(sets: Sequence[RecordSet], kind: str) -> RecordSet | None:
    """The simple record set of a type."""
    return next((item for item in sets if item["Type"] == kind and "SetIdentifier" not in item), None)


def check_room(contents: Contents, address: str, domain: str, kind: str, name: str) -> None:
    """Raise `NotOurs` where Route 53 would refuse the record at ``address``, or nobody would see it; tell what stands
    beside it. ``domain`` is the zone's name.
    """
    _check_cuts(contents, address, domain, name)
    sets = contents.at(name)
    if in_the_way := [item for item in sets if _excludes(item, kind)]:
        shown = ", ".join(record_text(item) for item in in_the_way)
        why = "a CNAME" if kind != in_the_way[0]["Type"] else "a simple record"
        raise NotOurs(
            f"{address}: {name} has another record in the hosted zone {domain} ({contents.zone}), which is not ours: "
            f"{shown}. {why} must be the only record of its name: Route 53 accepts no {kind} record beside it",
            hint="delete it in Route 53 if it is no longer needed, or use another name in the environment file",
        )
    for item in sets:
        if kind == "A" and item["Type"] in _BESIDE:
            contents.cloud.context.tell(
                f"{name} has another record in the hosted zone {domain}, which is not ours: {record_text(item)}. "
                f"It sends "
                f"{_BESIDE[item['Type']]} elsewhere: delete it in Route 53 if they should reach LiveKit"
            )


def _excludes(item: RecordSet, kind: str) -> bool:
    if "CNAME" in (kind, item["Type"]) and kind != item["Type"]:
        return True
    return bool(item["Type"] == kind and "SetIdentifier" in item)


def _check_cuts(contents: Contents, address: str, domain: str, name: str) -> None:
    """Whether a zone between the hosted zone and the name is delegated away: what is written here nobody sees."""
    for cut in above(name, domain):
        if servers := [item for item in contents.at(cut) if item["Type"] == "NS"]:
            raise NotOurs(
                f"{address}: {cut} is delegated away from the hosted zone {domain} ({contents.zone}), by "
                f"{record_text(servers[0])}: a record of {name} in {domain} would have no effect",
                hint=f"set livekit.hosted_zone to {cut} where this account has that zone; leave it out and make the "
                f"records by hand where it has not; or delete the NS record of {cut} when nothing uses it",
            )


def record_text(item: RecordSet) -> str:
    """``CNAME old.example.com``, ``A 192.0.2.1 (weighted, "blue")``, as it is shown."""
    values = [str(one["Value"]) for one in item.get("ResourceRecords", [])]
    if target := item.get("AliasTarget"):
        values = [f"alias of {plain(target['DNSName'])}"]
    by = f' (set "{item["SetIdentifier"]}")' if "SetIdentifier" in item else ""
    return f"{item['Type']} {' '.join(values)}{by}"
