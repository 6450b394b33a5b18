"""Records in a Route53 zone that is not ours: aliases of load balancers, and the CNAMEs that ACM asks for.

Records carry no tags. One is ours when we recorded it (its id says zone, type and name), when it says exactly what we
would write, or when it points to a load balancer of our cluster; else it is `NotOurs`. A validation CNAME is the same
for every certificate of that name in the account: it stays while another certificate than ours needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.aws.eks import cluster_name
from livekit_deploy.aws.load_balancers import controlled
from livekit_deploy.aws.tags import mapping
from livekit_deploy.engine.inputs import Change, Input, Inputs, Ref, Unresolved
from livekit_deploy.engine.plan import unknown
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import Absent, ResourceError

_ACM = ".acm-validations.aws"
_ANOTHER = (
    "A record of another name is another resource: take the old one out of the file, run up, then add the new one."
)


def hosted_zone(cloud: Cloud, domain: str) -> str:
    """The id of the public hosted zone ``domain``; raises `ResourceError` when the account has none."""
    said = cloud.route53.list_hosted_zones_by_name(DNSName=domain)["HostedZones"]
    public = [zone for zone in said if not zone.get("Config", {}).get("PrivateZone")]
    found = [zone["Id"].rpartition("/")[2] for zone in public if _name(zone["Name"]) == _name(domain)]
    if not found:
        raise ResourceError(
            f"this account has no public hosted zone {domain}",
            hint="create it, correct livekit.hosted_zone, or leave it out and make the records by hand",
        )
    return str(found[0])


def _name(text: str) -> str:
    """A DNS name as we compare it; Route53 ends names with a dot and escapes the asterisk."""
    return text.replace("\\052", "*").rstrip(".").lower()


class Record(Resource):
    """One record set: ``values`` with a ``ttl`` in seconds, or ``alias`` with a load balancer's dns_name and zone_id.

    ``zone`` is the domain of its hosted zone. Source: Route53 API reference, ChangeResourceRecordSets and AliasTarget.
    """

    kind = "route53.record"
    usual = 3.0

    zone: Input[str] = Input(api="HostedZoneId", change=Change.IMMUTABLE)
    record: Input[str] = Input(api="Name", change=Change.FIXED, way_out=_ANOTHER)
    type: Input[str] = Input(api="Type", change=Change.FIXED, default="A", way_out=_ANOTHER)
    values: Inputs[str] = Inputs(api="ResourceRecords", default=())
    ttl: Input[int] = Input(api="TTL", default=300)
    alias: Input[Mapping[str, str | Ref[str]] | None] = Input(api="AliasTarget", default=None)

    def desired(self, lookup: Callable[[Ref[Any]], Any]) -> dict[str, Any]:
        """The inputs, without the differences that DNS does not make."""
        found = super().desired(lookup)
        if not unknown(found["record"]):
            found["record"] = _name(found["record"])
        return found

    # ---- verbs

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        where = self._where(cloud, id)
        if where is None:
            return None
        listed = _listed(cloud, *where)
        if listed is None:
            return None
        live = _live(listed, *where)
        if id is None and not self._says(live):
            what = f"the {where[1]} record {where[2]}"
            cloud.marks.claim(_target_tags(cloud, live), self.address, what)
        return live

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """As `read`, but nothing for a validation CNAME that others need."""
        live = self.read(cloud, id)
        return None if live is not None and _needed_by_others(cloud, live) else live

    def _where(self, cloud: Cloud, id: str | None) -> tuple[str, str, str] | None:
        """Zone id, type and name; None while the name is not known."""
        if id is not None:
            zone, kind, name = id.split("/", 2)
            return zone, kind, name
        try:
            name = _name(self.record)
        except Unresolved:
            return None
        return hosted_zone(cloud, self.zone), self.type, name

    def _says(self, live: Live) -> bool:
        """Whether the record is exactly what we would write, as far as that is known yet."""
        try:
            if self.alias is not None:
                return bool(live.props["alias"] == dict(self.alias))
            return bool(live.props["values"] == sorted(self.values))
        except Unresolved:
            return False

    def create(self, cloud: Cloud, token: str) -> str:
        zone = hosted_zone(cloud, self.zone)
        self._upsert(cloud, zone)
        return f"{zone}/{self.type}/{_name(self.record)}"

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        self._upsert(cloud, live.id.split("/", 1)[0])

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
        zone, kind, name = live.id.split("/", 2)
        if (listed := _listed(cloud, zone, kind, name)) is None:
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


def _change(cloud: Cloud, zone: str, action: str, record: Mapping[str, Any]) -> None:
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    cloud.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def _listed(cloud: Cloud, zone: str, kind: str, name: str) -> Mapping[str, Any] | None:
    """The record set as Route53 lists it. The first page is asked for whole: a plan reads all our records from it."""
    try:
        page = cloud.route53.list_resource_record_sets(HostedZoneId=zone)
        found = _pick(page, kind, name)
        if found is None and page["IsTruncated"]:
            exact = {"StartRecordName": name, "StartRecordType": kind, "MaxItems": "1"}
            found = _pick(cloud.route53.list_resource_record_sets(HostedZoneId=zone, **exact), kind, name)
    except Absent:  # the zone itself is gone
        return None
    return found


def _pick(page: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any] | None:
    sets = page["ResourceRecordSets"]
    return next((item for item in sets if item["Type"] == kind and _name(item["Name"]) == name), None)


def _live(listed: Mapping[str, Any], zone: str, kind: str, name: str) -> Live:
    props: dict[str, Any] = {"record": name, "type": kind, "alias": None}
    props["values"] = sorted(item["Value"] for item in listed.get("ResourceRecords", []))
    if target := listed.get("AliasTarget"):
        props["alias"] = {"dns_name": _name(target["DNSName"]), "zone_id": target["HostedZoneId"]}
    else:
        props["ttl"] = listed.get("TTL")
    return Live(f"{zone}/{kind}/{name}", Status.READY, props)


def _target_tags(cloud: Cloud, live: Live) -> dict[str, str]:
    """Our marks when the record points to a load balancer of our cluster, else none."""
    alias = live.props["alias"]
    if alias is None:
        return {}
    names = {_name(item["DNSName"]) for item, _ in controlled(cloud, cluster_name(cloud))}
    return cloud.marks.tags("") if alias["dns_name"].removeprefix("dualstack.") in names else {}


def _needed_by_others(cloud: Cloud, live: Live) -> bool:
    """Whether a certificate that is not ours is validated by this CNAME."""
    values: list[str] = live.props["values"]
    if not any(_name(value).endswith(_ACM) for value in values):
        return False
    domain = live.id.split("/", 2)[2].partition(".")[2]
    for item in cloud.acm.pages("list_certificates", "CertificateSummaryList"):
        names = {item["DomainName"], *item.get("SubjectAlternativeNameSummaries", [])}
        if not {domain, f"*.{domain}"} & {_name(name) for name in names}:
            continue
        try:
            tags = mapping(cloud.acm.list_tags_for_certificate(CertificateArn=item["CertificateArn"])["Tags"])
        except Absent:
            continue
        if not cloud.marks.ours(tags):
            return True
    return False


def find_alias(cloud: Cloud, zone: str, domain: str) -> str | None:
    """The DNS name that the alias ``domain`` in the hosted zone ``zone`` points to; None when there is none."""
    listed = _listed(cloud, hosted_zone(cloud, zone), "A", _name(domain))
    target = (listed or {}).get("AliasTarget")
    return _name(target["DNSName"]).removeprefix("dualstack.") if target else None
