"""Certificates, records and the load balancers that others make, through the real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.access.tags import pairs
from livekit_deploy.aws.kinds.dns.certificates import Certificate, Issued
from livekit_deploy.aws.kinds.dns.records import Record
from livekit_deploy.aws.kinds.ec2.load_balancers import INGRESS_TAG
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource, Status
from livekit_deploy.errors import NotOurs, ResourceError, TimedOut
from livekit_deploy.k8s.load_balancers import LoadBalancer
from tests.aws.rig import AwsRig
from tests.fakes import Killed
from tests.following import adopted

DOMAIN, TURN, ZONE = "livekit.uat.example.com", "turn.uat.example.com", "example.com"


@pytest.fixture
def zone(aws: None) -> str:
    made = boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="1")
    return str(made["HostedZone"]["Id"].rpartition("/")[2])


def records(zone: str) -> dict[tuple[str, str], dict[str, Any]]:
    listed = boto3.client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return {(item["Name"], item["Type"]): item for item in listed if item["Type"] not in ("NS", "SOA")}


def certified(*alternatives: str) -> list[Resource]:
    certificate = Certificate("signal", domain=DOMAIN, alternatives=alternatives)
    proofs = [
        Record(f"validation-{item.domain}", zone=ZONE, record=item.name, type="CNAME", values=[item.value])
        for item in certificate.validations()
    ]
    issued = Issued("signal", certificate_arn=certificate.arn, after=proofs)
    return [certificate, *proofs, issued]


def load_balancer(
    rig: AwsRig, cluster: str = "livekit-uat-main", name: str = "k8s-livekit", *, ours: bool = True
) -> str:
    """One that the controller of a cluster made, in our network or in another."""
    ec2, elbv2 = boto3.client("ec2"), boto3.client("elbv2")
    listed = ec2.describe_subnets()["Subnets"]
    subnets = [item["SubnetId"] for item in listed][:2]
    if ours:
        rig._session().release()
        ec2.create_tags(Resources=[listed[0]["VpcId"]], Tags=pairs(rig.cloud.ownership.own("ec2.vpc/main")))
    tags = {"elbv2.k8s.aws/cluster": cluster, INGRESS_TAG: "livekit/livekit-server"}
    made = elbv2.create_load_balancer(
        Name=name, Subnets=subnets, Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )
    return str(made["LoadBalancers"][0]["DNSName"])


def aliased() -> list[Resource]:
    balancer = LoadBalancer("signal", stack="livekit/livekit-server")
    return [balancer, Record(DOMAIN, zone=ZONE, record=DOMAIN, alias=balancer.alias)]


# ---- certificates


def test_a_certificate_is_validated_by_its_records_and_all_goes_again(rig: AwsRig, zone: str) -> None:
    rig.up(certified(TURN))
    proofs = records(zone)
    assert len(proofs) == 2
    (arn,) = [item["CertificateArn"] for item in boto3.client("acm").list_certificates()["CertificateSummaryList"]]
    said = boto3.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    wanted = {item["ResourceRecord"]["Name"].rstrip(".") for item in said["DomainValidationOptions"]}
    assert {name.rstrip(".") for name, _ in proofs} == wanted
    (issued,) = [address for address in rig.records if address.startswith("acm.issued/")]
    assert rig.outputs(issued) == {"arn": arn}
    assert rig.plan(certified(TURN)).changes == ()
    rig.calls()
    rig.down()
    assert records(zone) == {}
    assert boto3.client("acm").list_certificates()["CertificateSummaryList"] == []


def test_what_still_uses_a_certificate_is_named_with_its_maker_and_both_stay(
    rig: AwsRig, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Certificate, "delete_timeout", 45.0)
    rig.up(certified())
    (address,) = [address for address in rig.records if address.startswith("acm.certificate/")]
    elbv2, arn = boto3.client("elbv2"), str(rig.records[address].id)
    load_balancer(rig, "another-cluster")
    (theirs,) = elbv2.describe_load_balancers()["LoadBalancers"]
    group = elbv2.create_target_group(Name="theirs", Protocol="HTTP", Port=80, VpcId=theirs["VpcId"])
    forward = {"Type": "forward", "TargetGroupArn": group["TargetGroups"][0]["TargetGroupArn"]}
    listener = elbv2.create_listener(
        LoadBalancerArn=theirs["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[forward],
    )["Listeners"][0]["ListenerArn"]
    error = rig.taken_down().failed[address]
    assert isinstance(error, TimedOut)
    assert error.code == "ResourceInUseException"
    assert f"Held by {theirs['LoadBalancerArn']} (made by" in error.message
    assert "the load balancer controller of the cluster another-cluster" in error.message
    assert set(rig.records) == {address}, "it is kept on record, and the next down goes on with it"
    assert elbv2.describe_listeners(ListenerArns=[listener])["Listeners"][0]["Certificates"]
    elbv2.delete_listener(ListenerArn=listener)
    rig.down()
    assert rig.records == {}
    assert len(elbv2.describe_load_balancers()["LoadBalancers"]) == 1


def test_another_name_makes_a_new_certificate_first_and_keeps_the_shared_record(rig: AwsRig, zone: str) -> None:
    rig.up(certified())
    before = records(zone)
    rig.calls()
    rig.up(certified(TURN))
    calls = rig.calls()
    assert calls[0] == "RequestCertificate"
    assert calls[-1] == "DeleteCertificate"
    assert calls.count("ChangeResourceRecordSets") <= 2  # one for the new name; moto gives the old one a new proof
    assert len(records(zone)) >= len(before)
    assert rig.plan(certified(TURN)).changes == ()


def test_what_acm_waits_for_is_told(rig: AwsRig, zone: str) -> None:
    certificate = Certificate("signal", domain=DOMAIN)
    with pytest.raises(TimedOut, match=r"ACM waits for these records in DNS: _.* CNAME _"):
        rig.up([certificate, Issued("signal", certificate_arn=certificate.arn)])


def test_a_certificate_that_cannot_be_issued_is_a_failure_with_acms_reason(rig: AwsRig, zone: str) -> None:
    rig.up(certified())
    (record,) = [item for address, item in rig.records.items() if address.startswith("acm.certificate/")]
    from moto.acm.models import acm_backends

    bundle = acm_backends["123456789012"]["us-east-1"]._certificates[record.id]
    bundle.status = "VALIDATION_TIMED_OUT"
    live = Certificate("signal", domain=DOMAIN).read(rig.cloud, record.id)
    assert live is not None
    assert live.status is Status.FAILED
    assert "VALIDATION_TIMED_OUT" in live.detail


def test_a_proof_that_another_certificate_needs_stays(rig: AwsRig, zone: str) -> None:
    rig.up(certified())
    boto3.client("acm").request_certificate(DomainName=DOMAIN, ValidationMethod="DNS")
    rig.down()
    assert len(records(zone)) == 1
    assert rig.records == {}


# ---- aliases


def test_an_alias_follows_its_load_balancer(rig: AwsRig, zone: str) -> None:
    name = load_balancer(rig)
    rig.up(aliased())
    listed = records(zone)[f"{DOMAIN}.", "A"]
    assert listed["AliasTarget"]["DNSName"].rstrip(".") == name.lower()
    assert listed["AliasTarget"]["HostedZoneId"] != zone
    assert rig.plan(aliased()).changes == ()
    elbv2 = boto3.client("elbv2")
    elbv2.delete_load_balancer(LoadBalancerArn=elbv2.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"])
    other = load_balancer(rig, name="k8s-another")
    rig.up(aliased())
    assert records(zone)[f"{DOMAIN}.", "A"]["AliasTarget"]["DNSName"].rstrip(".") == other.lower()
    rig.down()
    assert records(zone) == {}
    assert len(elbv2.describe_load_balancers()["LoadBalancers"]) == 1  # the controller's to delete


def test_a_record_that_somebody_changed_is_put_back_only_where_it_is_adopted(rig: AwsRig, zone: str) -> None:
    def one(*values: str, ttl: int = 300) -> list[Resource]:
        return [Record("txt", zone=ZONE, record="txt.example.com", type="TXT", values=values, ttl=ttl)]

    rig.up(one('"a"', '"b"'))
    rig.up(one('"c"', ttl=60))
    assert records(zone)["txt.example.com.", "TXT"]["TTL"] == 60
    assert records(zone)["txt.example.com.", "TXT"]["ResourceRecords"] == [{"Value": '"c"'}]
    boto3.client("route53").change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={
            "Changes": [
                {
                    "Action": "UPSERT",
                    "ResourceRecordSet": {
                        "Name": "txt.example.com",
                        "Type": "TXT",
                        "TTL": 5,
                        "ResourceRecords": [{"Value": '"d"'}],
                    },
                }
            ]
        },
    )
    plan = rig.plan(one('"c"', ttl=60))
    assert plan.changes == ()
    assert "its values is ['\"d\"'], not ['\"c\"'], as was written" in plan.unmarked[0].warning
    rig.up(one('"c"', ttl=60))
    assert records(zone)["txt.example.com.", "TXT"]["ResourceRecords"] == [{"Value": '"d"'}]
    rig.marked(adopt=adopted(plan.unmarked[0].remedy))
    rig.up(one('"c"', ttl=60))
    assert records(zone)["txt.example.com.", "TXT"]["ResourceRecords"] == [{"Value": '"c"'}]
    assert rig.plan(one('"c"', ttl=60)).changes == ()
    rig.down()
    assert records(zone) == {}


def _write(zone: str, **record: object) -> None:
    made = {"Name": DOMAIN, "Type": "A", **record}
    boto3.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": made}]}
    )


@pytest.mark.parametrize("by", ["another environment", "hand"])
def test_down_leaves_a_record_that_was_given_to_somebody_else(by: str, rig: AwsRig, zone: str) -> None:
    """Blue and green: green has taken the name, then blue goes."""
    load_balancer(rig)
    rig.up(aliased())
    if by == "hand":
        _write(zone, TTL=60, ResourceRecords=[{"Value": "192.0.2.1"}])
    else:
        green = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": "green.elb.us-east-1.amazonaws.com"}
        _write(zone, AliasTarget={**green, "EvaluateTargetHealth": False})
    before = records(zone)
    execution, outcome = rig.torn_down()
    assert outcome.clean
    assert records(zone) == before
    assert rig.records == {}
    (kept,) = [one for one in execution.kept.values() if one.address.startswith("route53.record/")]
    assert "it no longer belongs to us: its alias is" in kept.why


@pytest.mark.parametrize("sent", [False, True])
def test_a_record_whose_change_was_cut_off_is_known_before_and_after_the_call(
    sent: bool, rig: AwsRig, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one(value: str) -> list[Resource]:
        return [Record("txt", zone=ZONE, record="txt.example.com", type="TXT", values=[value])]

    rig.up(one('"a"'))

    def cut_off(cloud: Any, where: str, action: str, record: dict[str, Any]) -> None:
        if sent:
            _write(where, **record)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("livekit_deploy.aws.kinds.dns.records._change", cut_off)
        with pytest.raises(Killed):
            rig.up(one('"b"'))
    rig.down()
    assert (records(zone), rig.records) == ({}, {})


def test_a_record_that_was_there_before_us_serves_and_stays(rig: AwsRig, zone: str) -> None:
    _write(zone, Name="txt.example.com", Type="TXT", TTL=300, ResourceRecords=[{"Value": '"a"'}])
    before = records(zone)
    rig.up([Record("txt", zone=ZONE, record="txt.example.com", type="TXT", values=['"a"'])])
    assert rig.calls() == []
    rig.down()
    assert (records(zone), rig.records) == (before, {})


def test_a_foreign_record_of_our_name_is_not_overwritten(rig: AwsRig, zone: str, tmp_path: Path) -> None:
    load_balancer(rig)
    name = {"Name": DOMAIN, "Type": "A", "TTL": 300, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    boto3.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": name}]}
    )
    with pytest.raises(NotOurs, match=r"the A record livekit\.uat"):
        rig.plan(aliased())
    assert records(zone)[f"{DOMAIN}.", "A"]["ResourceRecords"] == [{"Value": "192.0.2.1"}]


def test_a_moved_record_is_made_in_the_new_zone_first(rig: AwsRig, zone: str) -> None:
    other = boto3.client("route53").create_hosted_zone(Name="uat.example.com", CallerReference="2")
    inner = other["HostedZone"]["Id"].rpartition("/")[2]

    def one(where: str) -> list[Resource]:
        return [Record("txt", zone=where, record="txt.uat.example.com", type="TXT", values=['"a"'])]

    rig.up(one(ZONE))
    rig.up(one("uat.example.com"))
    assert records(zone) == {}
    assert list(records(inner)) == [("txt.uat.example.com.", "TXT")]


def test_another_name_or_type_is_refused(rig: AwsRig, zone: str) -> None:
    rig.up([Record("txt", zone=ZONE, record="a.example.com", type="TXT", values=['"a"'])])
    (change,) = rig.plan([Record("txt", zone=ZONE, record="b.example.com", type="TXT", values=['"a"'])]).changes
    assert change.action is Action.BLOCKED


def test_a_zone_that_is_not_there_is_named(rig: AwsRig) -> None:
    with pytest.raises(ResourceError, match=r"no public hosted zone example\.com"):
        rig.plan([Record("txt", zone=ZONE, record="a.example.com", type="TXT", values=['"a"'])])


# ---- load balancers


@pytest.mark.parametrize("ours", [True, False])
def test_the_load_balancer_of_another_cluster_is_not_taken(ours: bool, rig: AwsRig, zone: str) -> None:
    """Of another name in our network, or of our name in another."""
    load_balancer(rig, cluster="livekit-prod-main" if ours else "livekit-uat-main", ours=ours)
    with pytest.raises(TimedOut, match="no load balancer for Ingress livekit/livekit-server yet"):
        rig.up(aliased())
    assert records(zone) == {}
