"""ACM certificates that are validated by DNS, in two parts: the request, and its issue.

The request is ready as soon as ACM says which records it expects, so that they can be made; `acm.issued` then
waits until ACM has seen them. What needs the certificate refers to the issued one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS, mapping, pairs
from livekit_deploy.aws.kinds.ec2.diagnosis import cause_and_remedy
from livekit_deploy.aws.kinds.ec2.holders import maker
from livekit_deploy.aws.kinds.ec2.load_balancers import tags_of
from livekit_deploy.aws.kinds.named import there
from livekit_deploy.aws.kinds.states import CERTIFICATE, COMING, VALIDATION
from livekit_deploy.aws.kinds.tag_index import tagged
from livekit_deploy.base.domains import plain
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output, Ref, Unresolved
from livekit_deploy.engine.resource import MINUTE, Found, Live, Observed, Resource, Status
from livekit_deploy.engine.snapshot import together
from livekit_deploy.errors import Denied


@dataclass(frozen=True)
class Validation:
    """The CNAME with which a domain shows ACM that it is ours."""

    domain: str
    name: Ref[str]
    value: Ref[str]


class Certificate(Resource):
    """A certificate for ``domain`` and further names, requested for validation by DNS.

    Source: ACM API reference, RequestCertificate and DescribeCertificate.
    """

    kind = "acm.certificate"
    fails_unused = True  # ready as soon as it tells its records; ACM fails only what it has never issued
    timeout, delete_timeout = 5 * MINUTE, 30 * MINUTE
    usual = 5.0

    domain: Input[str] = Input(api="DomainName", from_api=plain, change=Change.IMMUTABLE)
    # ACM shows the domain among them
    alternatives: Inputs[str] = Inputs(
        api="SubjectAlternativeNames", to_api=lambda names: names or None, shown="", change=Change.IMMUTABLE, default=()
    )

    arn = Output[str]()

    def lasts(self, output: str, address: str) -> bool:
        """ACM asks for the same record of a name for every certificate of an account (ACM user guide, "DNS
        validation"); the output says which name."""
        return output != "arn"

    def validations(self) -> list[Validation]:
        """The records that ACM wants, one for each name of the certificate."""
        domains = [self.domain, *self.alternatives]
        return [Validation(item, Ref(self, f"{item} name"), Ref(self, f"{item} value")) for item in domains]

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        if id is not None and (live := _live(cloud, id)) is not None:
            return live
        matching = [item.live for item in self.scan(cloud, None) if item.address == self.address]
        return matching[0] if matching else None

    def create(self, cloud: Cloud, token: str) -> str:
        tags = pairs(cloud.ownership.tags(self.address, cloud.name(self.instance)))
        said = cloud.acm.request_certificate(
            ValidationMethod="DNS", IdempotencyToken=token, Tags=tags, **self.arguments()
        )
        return str(said["CertificateArn"])

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.acm.add_tags_to_certificate(CertificateArn=live.id, Tags=pairs(tags))

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.acm.delete_certificate(CertificateArn=live.id)

    def blockers(self, cloud: Cloud, live: Live) -> Iterable[str]:
        for arn in (_describe(cloud, live.id) or {}).get("InUseBy", []):
            yield f"{arn} (made by {_maker(cloud, arn)})"

    def diagnose(self, cloud: Cloud, live: Live | None) -> tuple[str, str]:
        return cause_and_remedy(live)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        # ACM lists certificates without their tags
        for arn, tags in tagged(cloud, "acm:certificate"):
            if (live := _live(cloud, arn)) is not None:
                yield Found(tags.get(ADDRESS, ""), live)


#: a type of key is only listed where it is named (ACM API reference, ListCertificates)
KEY_TYPES = ("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")


def kept_for(cloud: Cloud, domain: str) -> str:
    """Why the record that validates ``domain`` is needed by others than this environment; "" when it is not.

    It is the same for a name and its wildcard, and in all regions (ACM user guide, "DNS validation"): each one that
    the account has switched on is asked. Raises `Denied` where our own region may not be asked.
    """
    regions = {one["RegionName"] for one in cloud.ec2.describe_regions()["Regions"]} - {cloud.region}
    here = _needing(cloud, cloud.region, domain)
    return here or next(filter(None, together(lambda one: _needing(cloud, one, domain), sorted(regions))), "")


def _needing(cloud: Cloud, region: str, domain: str) -> str:
    there = cloud if region == cloud.region else cloud.beside(region)
    wanted, listed = {plain(domain), f"*.{plain(domain)}"}, {"Includes": {"keyTypes": list(KEY_TYPES)}}
    try:
        found = there.acm.pages("list_certificates", "CertificateSummaryList", **listed)
    except Denied as error:
        if region == cloud.region:
            raise
        return f"it cannot be checked whether a certificate in {region} needs it: {error.message}"
    for item in found:
        names = {plain(one) for one in (item["DomainName"], *item.get("SubjectAlternativeNameSummaries", []))}
        seen = CERTIFICATE.of(item.get("Status"))
        validated = item.get("Type", "AMAZON_ISSUED") == "AMAZON_ISSUED" and (seen.usable or seen.meaning is COMING)
        # of a certificate with very many names the list shows some
        some = item.get("HasAdditionalSubjectAlternativeNames", False)
        if validated and (wanted & names or some) and not _ours(cloud, item["CertificateArn"]):
            return f"the certificate {item['CertificateArn']} needs it"
    return ""


def _ours(cloud: Cloud, arn: str) -> bool:
    """Whether a certificate is of this environment, or gone; in another region none is."""
    if arn.split(":")[3] != cloud.region:
        return False
    return there(lambda: cloud.ownership.ours(_tags(cloud, arn))) is not False


def _maker(cloud: Cloud, arn: str) -> str:
    """Who made what uses a certificate: a load balancer of this account shows it, of others the account is known."""
    _, _, service, _, account, _ = arn.split(":", 5)
    if service != "elasticloadbalancing" or account != cloud.identity.account:
        return f"{service} in account {account}" if account else service
    found = tags_of(cloud, [arn])
    if arn not in found:
        return "something that was deleted, which ACM notices some minutes later"
    return maker(cloud, {"Tags": [{"Key": key, "Value": value} for key, value in found[arn].items()]})


def _describe(cloud: Cloud, arn: str) -> Mapping[str, Any] | None:
    return there(lambda: cloud.acm.describe_certificate(CertificateArn=arn)["Certificate"])


def _live(cloud: Cloud, arn: str) -> Live | None:
    found = _describe(cloud, arn)
    own_tags = there(lambda: _tags(cloud, arn)) if found is not None else None
    return replace(_seen(found, arn), tags=own_tags) if found is not None and own_tags is not None else None


def _tags(cloud: Cloud, arn: str) -> dict[str, str]:
    return mapping(cloud.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"])


def _seen(found: Mapping[str, Any], arn: str) -> Live:
    options = found.get("DomainValidationOptions", [])
    records = {plain(item["DomainName"]): item["ResourceRecord"] for item in options if item.get("ResourceRecord")}
    props = Certificate.props_of(found)
    names = {props["domain"], *map(plain, found.get("SubjectAlternativeNames", []))}
    props["alternatives"] = sorted(names - {props["domain"]})
    outputs = {"arn": arn}
    for domain, record in sorted(records.items()):
        outputs[f"{domain} name"] = plain(record["Name"])
        outputs[f"{domain} value"] = plain(record["Value"])
    seen = CERTIFICATE.of(found["Status"])
    if not (seen.usable or seen.meaning is COMING) or seen.note:
        return seen.live(arn, props, outputs, detail=_failure(found), code=str(found.get("FailureReason", "")))
    if missing := sorted(names - records.keys()):
        return Live(arn, Status.PENDING, props, outputs, f"ACM has no validation record yet for {', '.join(missing)}")
    return Live(arn, Status.READY, props, outputs)


def _failure(found: Mapping[str, Any]) -> str:
    reason = found.get("FailureReason") or found.get("RevocationReason") or ""
    return f"the certificate is {found['Status']}" + (f": {reason}" if reason else "")


class Issued(Observed):
    """The certificate once ACM has issued it; FAILED as soon as ACM says that it never will be."""

    kind = "acm.issued"
    timeout = 30 * MINUTE
    usual = 3 * MINUTE
    exports = {"arn": "certificate.arn"}

    certificate_arn: Input[str] = Input(change=Change.IMMUTABLE)

    arn = Output[str]()

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        try:
            arn: str | None = self.certificate_arn
        except Unresolved:
            arn = id
        found = _describe(cloud, arn) if arn else None
        if arn is None or found is None:
            return None
        seen = CERTIFICATE.of(found["Status"])
        detail = _waits_for(found) if seen.meaning is COMING and not seen.note else _failure(found)
        code = str(found.get("FailureReason", ""))
        return seen.live(arn, outputs={"arn": arn}, detail="" if seen.usable else detail, code=code)

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """Nothing: the certificate itself is another resource's to delete."""
        return None

    def create(self, cloud: Cloud, token: str) -> str:
        return self.certificate_arn

    def diagnose(self, cloud: Cloud, live: Live | None) -> tuple[str, str]:
        return cause_and_remedy(live)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        return ()


def _waits_for(found: Mapping[str, Any]) -> str:
    waiting = [
        f"{item['ResourceRecord']['Name']} CNAME {item['ResourceRecord']['Value']}"
        for item in found.get("DomainValidationOptions", [])
        if item.get("ResourceRecord") and not VALIDATION.of(item.get("ValidationStatus")).usable
    ]
    return f"ACM waits for these records in DNS: {', '.join(sorted(waiting))}" if waiting else "ACM is issuing it"
