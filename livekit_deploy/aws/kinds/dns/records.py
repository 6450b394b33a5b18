"""Route 53 records in a zone that is not ours: aliases of load balancers, and ACM's validation CNAMEs.

Records carry no tags. One is ours when it is recorded (its id says zone, type and name) and still says what we wrote;
one that is not recorded, when it points to a load balancer of our cluster; else it is somebody else's. One that says
already what we would write was there before us (its id begins with `FOUND`): it serves, and stays. A validation CNAME
is the same for every certificate of that name in the account: one that we made stays while a certificate needs it, in
whichever region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.dns.certificates import kept_for
from livekit_deploy.aws.kinds.dns.hosted_zones import Contents, RecordSet, check_room, hosted_zone, pick
from livekit_deploy.aws.kinds.ec2.load_balancers import controlled
from livekit_deploy.aws.kinds.eks.cluster import cluster_name
from livekit_deploy.base.domains import plain
from livekit_deploy.engine.inputs import Change, Input, Inputs, Ref, Unresolved
from livekit_deploy.engine.plan import unknown
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import ResourceError
from livekit_deploy.state.document import Record as Recorded

#: how the id of a record begins that was there before us
FOUND = "found:"
#: output that holds what is written next
_NEXT = "next"
_ACM = ".acm-validations.aws"
#: types whose values are names
_OF_NAMES = ("CNAME", "NS", "PTR")
_ANOTHER = (
    "A record of another name is another resource: take the old one out of the file, run up, then add the new one."
)


class Record(Resource):
    """One record set: ``values`` with a ``ttl`` in seconds, or ``alias`` with a load balancer's dns_name and zone_id.

    ``zone`` is the domain of its hosted zone. Source: Route53 API reference, ChangeResourceRecordSets and AliasTarget.
    """

    kind = "route53.record"
    usual = 3.0

    # a record set is written as a whole, in one of two forms, and is deleted exactly as it is listed
    zone: Input[str] = Input(change=Change.IMMUTABLE)
    record: Input[str] = Input(change=Change.FIXED, way_out=_ANOTHER)
    type: Input[str] = Input(change=Change.FIXED, default="A", way_out=_ANOTHER)
    values: Inputs[str] = Inputs(default=())
    ttl: Input[int] = Input(default=300)
    alias: Input[Mapping[str, str | Ref[str]] | None] = Input(default=None)

    def desired(self, lookup: Callable[[Ref[Any]], Any]) -> dict[str, Any]:
        """The inputs, without the differences that DNS does not make."""
        found = super().desired(lookup)
        if not unknown(found["record"]):
            found["record"] = plain(found["record"])
        if not unknown(found["values"]):
            found["values"] = _values(found["type"], found["values"])
        if found["alias"] and not unknown(found["alias"]):
            found["alias"] = {**found["alias"], "dns_name": plain(found["alias"]["dns_name"])}
        return found

    # ---- verbs

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        """The record; raises `NotOurs` also where it is not there and something else stands in its way."""
        if (where := self._where(cloud, id)) is None:
            return None
        zone, kind, name = where
        contents = Contents(cloud, zone)
        check_room(contents, self.address, self.zone, kind, name)
        return self._seen(contents, where, id)

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """As `read`, but nothing for a record that was there before us, or that others need, or may need."""
        if (where := self._where(cloud, id)) is None:
            return None
        live = self._seen(Contents(cloud, where[0]), where, id)
        if live is not None and (why := _stays(cloud, live)):
            cloud.context.tell(f"{self.address}: the {where[1]} {where[2]} stays in the hosted zone: {why}")
            return None
        return live

    def _seen(self, contents: Contents, where: tuple[str, str, str], id: str | None) -> Live | None:
        zone, kind, name = where
        listed = pick(contents.at(name), kind)
        if listed is None:
            return None
        live = _live(listed, id or f"{zone}/{kind}/{name}")
        if id is not None:
            return live
        if not self._says(live):
            cloud = contents.cloud
            cloud.ownership.claim(_target_tags(cloud, live), self.address, f"the {kind} record {name}")
            return live
        return replace(live, props=_without_ttl(live.props)) if _validates(live) else live

    def taken_over(self, live: Live) -> Live:
        """One that says already what we would write is its maker's; but nobody else points to our load balancers."""
        return replace(live, id=FOUND + live.id) if self._says(live) and self.alias is None else live

    def ownership_differences(self, cloud: Cloud, live: Live, record: Recorded | None) -> dict[str, tuple[Any, Any]]:
        """One that does not say any more what we wrote, or were about to write when a run was cut off."""
        if record is None:
            return {}
        wrote = {"alias": record.inputs.get("alias"), "values": record.inputs.get("values") or []}
        if _says_one_of(live, (wrote, record.outputs.get(_NEXT) or wrote)):
            return {}
        key = "alias" if wrote["alias"] else "values"
        return {key: (live.props["alias"] or live.props["values"], wrote[key])}

    def belongs_to_others(self, cloud: Cloud, live: Live, record: Recorded | None) -> bool:
        """There is nothing of ours in it any more."""
        return True

    def intent_outputs(self, desired: Mapping[str, Any]) -> dict[str, Any]:
        """What is about to be written: a run that is cut off then knows it again."""
        return {_NEXT: {"alias": desired["alias"], "values": desired["values"]}}

    def _where(self, cloud: Cloud, id: str | None) -> tuple[str, str, str] | None:
        """Zone id, type and name; None while the name is not known."""
        if id is not None:
            return _split(id)
        try:
            name = plain(self.record)
        except Unresolved:
            return None
        return hosted_zone(cloud, self.zone), self.type, name

    def _says(self, live: Live) -> bool:
        """Whether the record is exactly what we would write, as far as that is known yet."""
        try:
            if (alias := self.alias) is not None:
                target = {"dns_name": plain(str(alias["dns_name"])), "zone_id": alias["zone_id"]}
                return bool(live.props["alias"] == target)
            return bool(live.props["values"] == _values(self.type, self.values))
        except Unresolved:
            return False

    def create(self, cloud: Cloud, token: str) -> str:
        zone = hosted_zone(cloud, self.zone)
        self._upsert(cloud, zone)
        return f"{zone}/{self.type}/{plain(self.record)}"

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        self._upsert(cloud, _split(live.id)[0])

    def _upsert(self, cloud: Cloud, zone: str) -> None:
        record: dict[str, Any] = {"Name": self.record, "Type": self.type}
        if self.alias is not None:
            target = {"DNSName": self.alias["dns_name"], "HostedZoneId": self.alias["zone_id"]}
            record["AliasTarget"] = {**target, "EvaluateTargetHealth": False}
        else:
            record |= {"TTL": self.ttl, "ResourceRecords": [{"Value": value} for value in sorted(self.values)]}
        _change(cloud, zone, "UPSERT", record)

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Delete exactly what is listed, which is what Route53 demands."""
        zone, kind, name = _split(live.id)
        if (listed := pick(Contents(cloud, zone).at(name), kind)) is None:
            return
        try:
            _change(cloud, zone, "DELETE", listed)
        except ResourceError as error:
            if error.code != "InvalidChangeBatch" or "not found" not in error.message:
                raise
            # the answer to an earlier attempt was lost: it is gone already

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        """None: without tags only the record's own resource can tell whether it is ours."""
        return ()


def _split(id: str) -> tuple[str, str, str]:
    zone, kind, name = id.removeprefix(FOUND).split("/", 2)
    return zone, kind, name


def _values(kind: str, values: Iterable[str]) -> list[str]:
    """The values as two records are compared: those that are names, as names."""
    return sorted(plain(value) if kind in _OF_NAMES else value for value in values)


def _says_one_of(live: Live, wrote: Iterable[Mapping[str, Any]]) -> bool:
    """Whether it says one of these. For how long it may be kept does not matter."""
    there = live.props["alias"], live.props["values"]
    return any(there == (one["alias"] or None, list(one["values"] or [])) for one in wrote)


def _change(cloud: Cloud, zone: str, action: str, record: Mapping[str, Any]) -> None:
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    cloud.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def _live(listed: RecordSet, id: str) -> Live:
    _, kind, name = _split(id)
    props: dict[str, Any] = {"record": name, "type": kind, "alias": None}
    props["values"] = _values(kind, (item["Value"] for item in listed.get("ResourceRecords", [])))
    if target := listed.get("AliasTarget"):
        props["alias"] = {"dns_name": plain(target["DNSName"]), "zone_id": target["HostedZoneId"]}
    else:
        props["ttl"] = listed.get("TTL")
    return Live(id, Status.READY, _without_ttl(props) if id.startswith(FOUND) else props)


def _without_ttl(props: Mapping[str, Any]) -> dict[str, Any]:
    """How long a record of others may be kept is theirs to say."""
    return {key: value for key, value in props.items() if key != "ttl"}


def _target_tags(cloud: Cloud, live: Live) -> dict[str, str]:
    """Our tags when the record points to a load balancer of our cluster, else none."""
    alias = live.props["alias"]
    if alias is None:
        return {}
    names = {plain(item["DNSName"]) for item, _ in controlled(cloud, cluster_name(cloud))}
    return cloud.ownership.tags("") if alias["dns_name"].removeprefix("dualstack.") in names else {}


def _stays(cloud: Cloud, live: Live) -> str:
    """Why a validation CNAME is not deleted, "" for every record that is."""
    if live.id.startswith(FOUND):
        return "it existed before this environment, or the state that recorded it was lost"
    return kept_for(cloud, _split(live.id)[2].partition(".")[2]) if _validates(live) else ""


def _validates(live: Live) -> bool:
    """Whether it shows ACM whose a name is."""
    return any(str(value).endswith(_ACM) for value in live.props["values"])


def find_alias(cloud: Cloud, zone: str, domain: str) -> str | None:
    """The DNS name that the alias ``domain`` in the hosted zone ``zone`` points to; None when there is none."""
    listed = pick(Contents(cloud, hosted_zone(cloud, zone)).at(plain(domain)), "A")
    target = (listed or {}).get("AliasTarget")
    return plain(target["DNSName"]).removeprefix("dualstack.") if target else None
