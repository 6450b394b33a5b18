"""Whose records stand at a name, in which zone, and which of them `down` leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.dns.certificates import KEY_TYPES
from livekit_deploy.aws.kinds.dns.records import Record
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import NotOurs, ResourceError
from livekit_deploy.sandbox.aws.route53.names import nameservers
from tests.aws.rig import AwsRig
from tests.aws.test_dns import DOMAIN, ZONE, aliased, certified, load_balancer, records

Put = Callable[..., None]


@pytest.fixture
def zone(rig: AwsRig) -> str:
    rig.bound(nameservers=lambda domain: set(nameservers(domain) or []))
    return _zone(ZONE, "1")


def _zone(name: str, reference: str) -> str:
    made = boto3.client("route53").create_hosted_zone(Name=name, CallerReference=reference)
    return str(made["HostedZone"]["Id"].rpartition("/")[2])


def _put(zone: str, name: str, kind: str, *values: str, action: str = "UPSERT", **more: Any) -> None:
    record: dict[str, Any] = {"Name": name, "Type": kind, **more}
    if values:
        record |= {"TTL": 60, "ResourceRecords": [{"Value": value} for value in values]}
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    boto3.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def _proof(**more: Any) -> tuple[str, str]:
    """The validation record of our domain, as another certificate of the account asks for it."""
    region = more.pop("region", "us-east-1")
    acm = boto3.client("acm", region_name=region)
    arn = acm.request_certificate(DomainName=DOMAIN, ValidationMethod="DNS", **more)["CertificateArn"]
    option = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][0]
    return option["ResourceRecord"]["Name"], option["ResourceRecord"]["Value"]


def _said(rig: AwsRig) -> list[str]:
    said: list[str] = []
    rig.bound(tell=said.append)
    return said


# ---- what `down` leaves of the records that validate certificates


def _elsewhere(rig: AwsRig, zone: str) -> None:
    _proof(region="eu-central-1")


def _wildcard(rig: AwsRig, zone: str) -> None:
    boto3.client("acm").request_certificate(
        DomainName="other.example.com", SubjectAlternativeNames=[f"*.{DOMAIN}"], ValidationMethod="DNS"
    )


@pytest.mark.parametrize("other", [_elsewhere, _wildcard], ids=lambda one: one.__name__)
def test_a_proof_stays_that_a_certificate_of_another_region_or_name_needs(
    rig: AwsRig, zone: str, other: Callable[[AwsRig, str], None]
) -> None:
    said = _said(rig)
    rig.up(certified())
    other(rig, zone)
    rig.down()
    assert [kind for _, kind in records(zone)] == ["CNAME"]
    assert rig.records == {}
    assert any("stays in the hosted zone: the certificate arn:aws:acm:" in one for one in said)


@pytest.mark.parametrize("key", KEY_TYPES)
def test_a_proof_stays_whatever_the_type_of_key_of_the_certificate_that_needs_it(
    rig: AwsRig, zone: str, key: str
) -> None:
    rig.up(certified())
    _proof(KeyAlgorithm=key)
    rig.down()
    assert [kind for _, kind in records(zone)] == ["CNAME"]


def test_every_type_of_key_is_named(rig: AwsRig) -> None:
    model = rig.clients("acm").meta.service_model.shape_for("KeyAlgorithm")
    assert set(KEY_TYPES) == set(model.enum)


@pytest.mark.parametrize("written", [str.upper, str, lambda name: name.rstrip(".")], ids=["upper", "dot", "bare"])
def test_a_proof_that_was_there_is_taken_however_it_is_written_and_stays(
    rig: AwsRig, zone: str, written: Callable[[str], str]
) -> None:
    name, value = _proof()
    for one in boto3.client("acm").list_certificates()["CertificateSummaryList"]:
        boto3.client("acm").delete_certificate(CertificateArn=one["CertificateArn"])  # nobody there needs it now
    _put(zone, written(name), "CNAME", written(value))
    before, said = records(zone), _said(rig)
    rig.up(certified())
    assert "ChangeResourceRecordSets" not in rig.calls()
    assert rig.plan(certified()).changes == ()
    rig.up(certified())
    rig.down()
    assert records(zone) == before
    assert any("it existed before this environment" in one for one in said)


def test_a_proof_stays_where_another_region_may_not_be_asked(
    rig: AwsRig, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.up(certified())
    said, beside = _said(rig), Cloud.beside

    def denied(cloud: Cloud, region: str) -> Cloud:
        view = beside(cloud, region)
        view.clients("acm").meta.events.register("before-call.acm.ListCertificates", _refuse)
        return view

    monkeypatch.setattr(Cloud, "beside", denied)
    rig.down()
    assert [kind for _, kind in records(zone)] == ["CNAME"]
    assert any("it cannot be checked whether a certificate in" in one for one in said)


def _refuse(**_: Any) -> tuple[AWSResponse, dict[str, Any]]:
    """An organization's policy closes the region."""
    said = {"Code": "AccessDeniedException", "Message": "not authorized with an explicit deny"}
    answer = {"Error": said, "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "1"}}
    return AWSResponse("", 400, {}, None), answer


def test_a_proof_of_ours_that_nobody_else_needs_goes(rig: AwsRig, zone: str) -> None:
    rig.up(certified())
    boto3.client("acm", region_name="eu-central-1").request_certificate(
        DomainName="another.example.com", ValidationMethod="DNS"
    )
    rig.down()
    assert records(zone) == {}


# ---- what else stands at a name


def _cname(zone: str) -> None:
    _put(zone, DOMAIN, "CNAME", "old.example.net")


def _weighted(zone: str) -> None:
    _put(zone, f"{DOMAIN.upper()}.", "A", "192.0.2.1", SetIdentifier="blue", Weight=1)


def _delegated_away(zone: str) -> None:
    _put(zone, "uat.example.com", "NS", "ns1.example.net")


def _delegated_itself(zone: str) -> None:
    _put(zone, DOMAIN, "NS", "ns1.example.net")


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (_cname, r"CNAME old\.example\.net.*a CNAME must be the only record"),
        (_weighted, r'A 192\.0\.2\.1 \(set "blue"\).*a simple record must be the only record'),
        (_delegated_away, r"uat\.example\.com is delegated away .*NS ns1\.example\.net"),
        (_delegated_itself, r"livekit\.uat\.example\.com is delegated away"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
@pytest.mark.parametrize("many", [0, 300], ids=["small", "large"])
def test_what_stands_in_the_way_at_a_name_is_refused_by_the_plan(
    rig: AwsRig, zone: str, there: Callable[[str], None], told: str, many: int
) -> None:
    load_balancer(rig)
    for number in range(many):  # more than one page
        _put(zone, f"a{number}.example.com", "TXT", '"one"')
    there(zone)
    with pytest.raises(NotOurs, match=told) as error:
        rig.plan(aliased())
    assert error.value.hint
    assert rig.calls() == []


def test_what_came_in_the_way_later_is_refused_by_the_plan_and_down_succeeds(rig: AwsRig, zone: str) -> None:
    load_balancer(rig)
    rig.up(aliased())
    _put(zone, DOMAIN, "A", action="DELETE", AliasTarget=records(zone)[f"{DOMAIN}.", "A"]["AliasTarget"])
    _cname(zone)
    with pytest.raises(NotOurs, match="a CNAME must be the only record"):
        rig.plan(aliased())
    rig.down()
    assert rig.records == {}
    assert list(records(zone)) == [(f"{DOMAIN}.", "CNAME")]


@pytest.mark.parametrize(("kind", "value"), [("AAAA", "2001:db8::1"), ("HTTPS", "1 old.example.net.")])
def test_what_sends_some_callers_elsewhere_is_told_and_is_not_ours_to_delete(
    rig: AwsRig, zone: str, kind: str, value: str
) -> None:
    load_balancer(rig)
    _put(zone, DOMAIN, kind, value)
    said = _said(rig)
    rig.plan(aliased())
    assert any(f"{kind} {value}" in one and "elsewhere" in one for one in said)
    rig.up(aliased())
    rig.down()
    assert list(records(zone)) == [(f"{DOMAIN}.", kind)]


def test_records_of_other_names_and_types_are_no_matter(rig: AwsRig, zone: str) -> None:
    load_balancer(rig)
    said = _said(rig)
    _put(zone, "*.uat.example.com", "CNAME", "old.example.net")
    _put(zone, DOMAIN, "TXT", '"one"')
    _put(zone, f"x.{DOMAIN}", "NS", "ns1.example.net")
    rig.up(aliased())
    assert said == []


# ---- which zone


def _one(name: str = "txt.example.com") -> list[Resource]:
    return [Record("txt", zone=ZONE, record=name, type="TXT", values=['"a"'])]


def test_of_two_zones_of_a_name_the_delegated_one_is_taken(rig: AwsRig, zone: str) -> None:
    second = _zone("Example.COM.", "2")
    servers = boto3.client("route53").get_hosted_zone(Id=second)["DelegationSet"]["NameServers"]
    rig.bound(nameservers=lambda domain: {servers[0], "ns.elsewhere.net"})
    rig.up(_one())
    assert (records(zone), list(records(second))) == ({}, [("txt.example.com.", "TXT")])
    assert rig.plan(_one()).changes == ()
    rig.down()
    assert records(second) == {}


def test_a_private_zone_of_the_name_is_no_matter(rig: AwsRig, zone: str) -> None:
    vpc = boto3.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    boto3.client("route53").create_hosted_zone(
        Name=ZONE,
        CallerReference="2",
        VPC={"VPCId": vpc, "VPCRegion": "us-east-1"},
        HostedZoneConfig={"PrivateZone": True},
    )
    rig.up(_one())
    assert list(records(zone)) == [("txt.example.com.", "TXT")]


@pytest.mark.parametrize("told", [set(), {"ns1.example.net"}], ids=["nobody", "another"])
def test_two_zones_of_a_name_of_which_neither_is_delegated_are_refused(rig: AwsRig, zone: str, told: set[str]) -> None:
    second = _zone(ZONE, "2")
    rig.bound(nameservers=lambda domain: told)
    with pytest.raises(ResourceError, match=f"2 public hosted zones {ZONE}") as error:
        rig.plan(_one())
    assert zone in error.value.message
    assert second in error.value.hint
