"""Route 53 and ACM: which records go together, which zone answers, and which certificates are listed."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from moto.route53.models import route53_backends

from livekit_deploy.sandbox.aws.route53.names import answering, nameservers, register
from tests.sandbox.corrections.harness import ACCOUNT, ProbedAws, probe


def _zone(world: ProbedAws, domain: str) -> tuple[str, list[str]]:
    """A new zone's id and its nameservers."""
    made = world.route53.create_hosted_zone(Name=domain, CallerReference=world.name("zone"))
    return str(made["HostedZone"]["Id"].rpartition("/")[2]), list(made["DelegationSet"]["NameServers"])


def _put(world: ProbedAws, zone: str, name: str, kind: str, *values: str, action: str = "UPSERT", **more: Any) -> None:
    record: dict[str, Any] = {"Name": name, "Type": kind, **more}
    if values:
        record |= {"TTL": 60, "ResourceRecords": [{"Value": value} for value in values]}
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    world.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def _message(world: ProbedAws, zone: str, name: str, kind: str, *values: str, **more: Any) -> str:
    """How Route 53 refuses a record."""
    try:
        _put(world, zone, name, kind, *values, **more)
    except ClientError as error:
        said = error.response["Error"]
        return f"{said['Code']}: {said['Message']}".removeprefix("InvalidChangeBatch: ")
    raise AssertionError("not refused")


@probe("Route 53")
def record_beside_a_cname(world: ProbedAws) -> None:
    """keeps a CNAME and another record at one name

    InvalidChangeBatch, whichever comes second
    """
    domain = f"{world.name('zone')}.example.com"
    zone, _ = _zone(world, domain)
    _put(world, zone, f"a.{domain}", "CNAME", "b.example.com")
    said = _message(world, zone, f"a.{domain}", "A", "192.0.2.1")
    assert f"RRSet of type A with DNS name a.{domain}. is not permitted because a conflicting RRSet of type" in said
    _put(world, zone, f"b.{domain}", "AAAA", "2001:db8::1")
    said = _message(world, zone, f"b.{domain}", "CNAME", "a.example.com")
    assert "is not permitted as it conflicts with other records with the same DNS name" in said


@probe("Route 53")
def cname_at_the_apex(world: ProbedAws) -> None:
    """keeps a CNAME at the apex of a zone

    InvalidChangeBatch
    """
    domain = f"{world.name('zone')}.example.com"
    zone, _ = _zone(world, domain)
    assert "is not permitted at apex in zone" in _message(world, zone, domain, "CNAME", "b.example.com")


@probe("Route 53")
def simple_record_beside_weighted_ones(world: ProbedAws) -> None:
    """keeps a simple record and weighted ones of the same name and type

    InvalidChangeBatch, whichever comes second
    """
    domain = f"{world.name('zone')}.example.com"
    zone, _ = _zone(world, domain)
    weighted: dict[str, Any] = {"SetIdentifier": "one", "Weight": 1}
    _put(world, zone, f"a.{domain}", "A", "192.0.2.1", **weighted)
    assert "cannot be created as other RRSets exist" in _message(world, zone, f"a.{domain}", "A", "192.0.2.2")
    _put(world, zone, f"b.{domain}", "A", "192.0.2.1")
    assert "SetIdentifier one cannot be created" in _message(world, zone, f"b.{domain}", "A", "192.0.2.2", **weighted)


@probe("Route 53")
def alias_and_what_it_leads_to(world: ProbedAws) -> None:
    """accepts an alias to a record that there is not, and to a name that is not AWS's

    InvalidChangeBatch
    """
    domain = f"{world.name('zone')}.example.com"
    zone, _ = _zone(world, domain)

    def alias(target: str, where: str) -> dict[str, Any]:
        return {"AliasTarget": {"DNSName": target, "HostedZoneId": where, "EvaluateTargetHealth": False}}

    said = _message(world, zone, f"a.{domain}", "A", **alias(f"b.{domain}", zone))
    assert said.endswith("but that target was not found]")
    said = _message(world, zone, f"a.{domain}", "A", **alias("b.example.org", "Z35SXDOTRQ7X7K"))
    assert said.endswith("but the alias target name does not lie within the target zone]")
    _put(world, zone, f"b.{domain}", "A", "192.0.2.1")
    _put(world, zone, f"a.{domain}", "A", **alias(f"b.{domain}", zone))
    _put(world, zone, f"c.{domain}", "A", **alias("x-1.us-east-1.elb.amazonaws.com", "Z35SXDOTRQ7X7K"))


@probe("Route 53", fails="InvalidChangeBatch")
def record_and_how_its_name_is_written(world: ProbedAws) -> None:
    """keeps a record for each way to write its name, and takes a name in capitals for one of another zone

    one record, listed in lower case, with a dot at its end and the asterisk escaped
    """
    domain = f"{world.name('zone')}.example.com"
    zone, _ = _zone(world, domain)
    for written in (f"*.{domain}", f"*.{domain.upper()}.", f"\\052.{domain}"):
        _put(world, zone, written, "TXT", '"one"')
    listed = world.route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert [one["Name"] for one in listed if one["Type"] == "TXT"] == [f"\\052.{domain}."]
    _put(world, zone, f"*.{domain}", "TXT", '"one"', action="DELETE")


@probe("Route 53")
def zones_have_their_own_nameservers(world: ProbedAws) -> None:
    """gives every hosted zone the same nameservers

    each its own, also two of the same name
    """
    domain = f"{world.name('zone')}.example.com"
    (_, first), (_, second) = _zone(world, domain), _zone(world, domain.upper())
    assert len(world.route53.list_hosted_zones_by_name(DNSName=domain)["HostedZones"]) == 2
    assert len(first) == len(second) == 4
    assert not set(first) & set(second)


@probe("Route 53")
def zone_that_the_domain_is_delegated_to(world: ProbedAws) -> None:
    """lets a second zone of a name be the one that is delegated, without other nameservers

    one of them answers, the one whose nameservers the registrar names
    """
    domain = f"{world.name('zone')}.example-registrar.com"
    (first, _), (second, _) = _zone(world, domain), _zone(world, domain)
    zones = route53_backends[ACCOUNT]["aws"].zones

    def answers() -> str:
        found = answering(f"a.{domain}")
        assert found is not None
        return str(found.resource_id)

    assert answers() == first
    register(zones[second])
    assert answers() == second
    assert set(nameservers(domain) or []) == set(
        world.route53.get_hosted_zone(Id=second)["DelegationSet"]["NameServers"]
    )
    assert not set(nameservers(domain) or []) & set(
        world.route53.get_hosted_zone(Id=first)["DelegationSet"]["NameServers"]
    )


@probe("ACM")
def certificate_whose_record_is_occluded(world: ProbedAws) -> None:
    """issues a certificate whose validation record nobody can see

    stays pending where a zone below is delegated elsewhere, or where the zone is not the one that is delegated
    """
    domain = f"{world.name('zone')}.example.com"
    zone, _ = _zone(world, domain)
    name = f"livekit.uat.{domain}"
    arn = str(world.acm.request_certificate(DomainName=name, ValidationMethod="DNS")["CertificateArn"])

    def described() -> dict[str, Any]:
        return dict(world.acm.describe_certificate(CertificateArn=arn)["Certificate"])

    record = described()["DomainValidationOptions"][0]["ResourceRecord"]
    _put(world, zone, f"uat.{domain}", "NS", "ns1.example.net", "ns2.example.net")
    _put(world, zone, record["Name"], "CNAME", record["Value"])
    with world.unhurried() as later:
        for _ in range(3):
            later(600)
            assert described()["Status"] == "PENDING_VALIDATION"
    _put(world, zone, f"uat.{domain}", "NS", "ns1.example.net", "ns2.example.net", action="DELETE")
    described()
    assert described()["Status"] == "ISSUED"


@probe("ACM", fails="KeyError")
def certificates_of_other_keys(world: ProbedAws) -> None:
    """lists certificates of every type of key, without the other names of any

    those of RSA with 1024 and 2048 bits, unless others are named; and some of the names
    """
    domain, other = f"{world.name('zone')}.example.com", f"{world.name('zone')}.example.com"
    made = world.acm.request_certificate(
        DomainName=domain, SubjectAlternativeNames=[other], ValidationMethod="DNS", KeyAlgorithm="EC_prime256v1"
    )

    def listed(**asked: Any) -> dict[str, list[str]]:
        found = world.acm.list_certificates(**asked)["CertificateSummaryList"]
        return {one["CertificateArn"]: one["SubjectAlternativeNameSummaries"] for one in found}

    assert made["CertificateArn"] not in listed()
    assert other in listed(Includes={"keyTypes": ["EC_prime256v1"]})[made["CertificateArn"]]
    found = world.acm.describe_certificate(CertificateArn=made["CertificateArn"])["Certificate"]
    assert found["KeyAlgorithm"] == "EC_prime256v1"
