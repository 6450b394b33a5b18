"""Nothing of somebody else is touched: look-alikes in the same account stay byte for byte, whatever we do there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy import Deployer
from livekit_deploy.aws.access.tags import ADDRESS, ENV, LINEAGE, PROJECT, OwnershipTags
from livekit_deploy.config import load_environment
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import NotOurs
from livekit_deploy.stack import Infrastructure
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import NODES_TRUST, ZONE, Base, document
from tests.fakes import FakeClock
from tests.kinds import kinds

ENVIRONMENT = f"""
preset: dev
region: us-east-1
network: {{flow_logs: true}}
cluster: {{secrets_key: true, logs: [api], log_retention_days: %d}}
livekit: {{domain: livekit.dev.{ZONE}, hosted_zone: {ZONE}}}
"""
#: as ours, but for the lineage: another environment of the same project, or one whose state was made anew
THEIRS = {PROJECT: "livekit", ENV: "uat", LINEAGE: "11111111-2222-3333-4444-555555555555"}


def _tags(address: str, **more: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in {**THEIRS, ADDRESS: address, **more}.items()]


def _specification(kind: str, address: str, **more: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": _tags(address, **more)}]


# ---- what somebody else has


def _network() -> None:
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(
        CidrBlock="10.20.0.0/16", TagSpecifications=_specification("vpc", "ec2.vpc/main", Name="livekit-uat-main")
    )["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(
        VpcId=vpc, CidrBlock="10.20.0.0/20", TagSpecifications=_specification("subnet", "ec2.subnet/public-a")
    )["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway(
        TagSpecifications=_specification("internet-gateway", "ec2.internet_gateway/main")
    )["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    group = ec2.create_security_group(
        GroupName="livekit-uat-media",
        Description="theirs",
        VpcId=vpc,
        TagSpecifications=_specification("security-group", "ec2.security_group/media"),
    )["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    for name in ("k8s-of-another-cluster", f"eks-cluster-sg-livekit-uat-main-{10**8}"):
        made = ec2.create_security_group(GroupName=name, Description="d", VpcId=vpc)["GroupId"]
        ec2.create_tags(Resources=[made], Tags=[{"Key": "elbv2.k8s.aws/cluster", "Value": "livekit-uat-main-2"}])
    for said in ("aws-K8S-i-0123", "Amazon EKS livekit-uat-main", "ELB app/k8s-theirs/1"):
        ec2.create_network_interface(SubnetId=subnet, Description=said, Groups=[group])
    ec2.allocate_address(Domain="vpc", TagSpecifications=_specification("elastic-ip", "ec2.elastic_ip/a"))
    ec2.create_launch_template(
        LaunchTemplateName="livekit-uat-theirs",
        LaunchTemplateData={"InstanceType": "t3.micro"},
        TagSpecifications=_specification("launch-template", "ec2.launch_template/media"),
    )
    ec2.create_volume(
        AvailabilityZone="us-east-1a",
        Size=1,
        TagSpecifications=_specification("volume", "", **{"kubernetes.io/cluster/livekit-uat-main-2": "owned"}),
    )
    _balancer(subnet, ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.16.0/20", AvailabilityZone="us-east-1b"))


def _balancer(subnet: str, other: Any) -> None:
    boto3.client("elbv2").create_load_balancer(
        Name="k8s-livekit-theirs",
        Subnets=[subnet, other["Subnet"]["SubnetId"]],
        Tags=[
            {"Key": "elbv2.k8s.aws/cluster", "Value": "livekit-uat-main-2"},
            {"Key": "ingress.k8s.aws/stack", "Value": "livekit/livekit"},
        ],
    )
    boto3.client("elbv2").create_target_group(
        Name="k8s-livekit-theirs", Protocol="HTTP", Port=80, TargetType="ip", VpcId=other["Subnet"]["VpcId"]
    )


def _access() -> None:
    iam = boto3.client("iam")
    for name, tags in {"livekit-uat-theirs": [], "livekit-uat-other-lineage": _tags("iam.role/cluster")}.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(NODES_TRUST), Tags=tags)
        iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document("s3:*")), Tags=tags)
    iam.create_open_id_connect_provider(
        Url="https://oidc.eks.us-east-1.amazonaws.com/id/THEIRS", Tags=_tags("iam.oidc_provider/main")
    )


def _services() -> None:
    kms, logs = boto3.client("kms"), boto3.client("logs")
    tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in _tags("kms.key/cluster")]
    key = kms.create_key(Description="theirs", Tags=tags)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/livekit-uat-theirs", TargetKeyId=key)
    for name in ("/aws/eks/livekit-uat-main-2/cluster", "/aws/eks/livekit-uat-main/cluster-of-theirs"):
        logs.create_log_group(logGroupName=name)
    boto3.client("secretsmanager").create_secret(
        Name="livekit/uat/theirs", SecretString="x", Tags=_tags("secretsmanager.secret/api-keys")
    )
    boto3.client("acm").request_certificate(
        DomainName=f"theirs.{ZONE}", ValidationMethod="DNS", Tags=_tags("acm.certificate/signal")
    )
    route53 = boto3.client("route53")
    zone = route53.create_hosted_zone(Name=ZONE, CallerReference="x")["HostedZone"]["Id"]
    record = {"Name": f"livekit.dev.{ZONE}", "Type": "TXT", "TTL": 5, "ResourceRecords": [{"Value": '"theirs"'}]}
    changes = [{"Action": "CREATE", "ResourceRecordSet": record}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    boto3.client("s3").create_bucket(Bucket="livekit-deploy-theirs")


# ---- what is in the account, to the last byte

_LISTS = (
    *(
        ("ec2", f"describe_{name}", key)
        for name, key in (
            *(("vpcs", "Vpcs"), ("subnets", "Subnets"), ("route_tables", "RouteTables")),
            *(("internet_gateways", "InternetGateways"), ("addresses", "Addresses"), ("volumes", "Volumes")),
            *(("network_interfaces", "NetworkInterfaces"), ("security_groups", "SecurityGroups")),
            *(("security_group_rules", "SecurityGroupRules"), ("launch_templates", "LaunchTemplates")),
        )
    ),
    ("elbv2", "describe_load_balancers", "LoadBalancers"),
    ("elbv2", "describe_target_groups", "TargetGroups"),
    ("kms", "list_aliases", "Aliases"),
    ("logs", "describe_log_groups", "logGroups"),
    ("secretsmanager", "list_secrets", "SecretList"),
    ("s3", "list_buckets", "Buckets"),
)


def _details() -> Iterable[tuple[str, Any]]:
    iam, kms, acm, route53 = (boto3.client(name) for name in ("iam", "kms", "acm", "route53"))
    for role in iam.list_roles()["Roles"]:
        yield "role", iam.get_role(RoleName=role["RoleName"])["Role"]
        yield "attached", iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        yield "policy", iam.get_policy(PolicyArn=policy["Arn"])["Policy"]
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        yield "oidc", iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    for key in kms.list_keys()["Keys"]:
        found = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        if found["KeyState"] != "PendingDeletion":
            yield "key", found
    for one in acm.list_certificates()["CertificateSummaryList"]:
        yield "certificate", acm.describe_certificate(CertificateArn=one["CertificateArn"])["Certificate"]
    for zone in route53.list_hosted_zones()["HostedZones"]:
        for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
            yield "record", record


def account() -> set[str]:
    """Each thing in the account, with all that AWS tells of it."""
    found = [(key, item) for service, name, key in _LISTS for item in getattr(boto3.client(service), name)()[key]]
    for _, item in (every := [*found, *_details()]):
        if isinstance(item, dict):
            item.pop("ResponseMetadata", None)
    return {json.dumps([kind, item], sort_keys=True, default=str) for kind, item in every}


@pytest.fixture
def declared(tmp_path: Path, aws: None) -> Callable[[int], list[Resource]]:
    def resources(days: int) -> list[Resource]:
        path = tmp_path / "uat.yaml"
        path.write_text(ENVIRONMENT % days)
        return Infrastructure(load_environment(path, environ={})).resources

    return resources


def test_look_alikes_are_byte_for_byte_as_they_were(rig: AwsRig, declared: Callable[[int], list[Resource]]) -> None:
    _network()
    _access()
    _services()
    before = account()
    rig.up(declared(7))
    assert before - account() == set(), "changed by up"
    assert rig.plan(declared(7)).changes == ()
    rig.up(declared(30))
    assert before - account() == set(), "changed by a change"
    rig.down(*kinds().values())
    assert account() == before


def test_environments_whose_names_join_alike_do_not_touch_each_other(
    tmp_path: Path, declared: Callable[[int], list[Resource]]
) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    empty = account()
    (tmp_path / "other").mkdir()
    first, second = AwsRig(tmp_path, "dev-eu"), AwsRig(tmp_path / "other", "eu")
    second.cloud = replace(second.cloud, ownership=OwnershipTags("livekit-dev", "eu"))
    assert first.cloud.ownership.prefix == second.cloud.ownership.prefix
    first.up(declared(7))
    old, before = (tmp_path / "dev-eu.json").read_bytes(), account()

    with pytest.raises(NotOurs, match="it belongs to livekit/dev-eu") as caught:
        second.up(declared(30))
    assert caught.value.hint == (
        "choose another name or project: all names of both environments begin with livekit-dev-eu"
    )
    assert second.calls() == [], "refused before anything was made"
    second.down(*kinds().values())
    assert account() == before
    assert first.plan(declared(7)).changes == ()

    first.down(*kinds().values())
    assert account() == empty
    second.up(declared(30))
    before = account()
    (tmp_path / "dev-eu.json").write_bytes(old)  # as from a backup: it names what is the second's by now
    first.calls()
    first.down(*kinds().values())
    assert account() == before
    assert first.calls() == []
    assert second.plan(declared(30)).changes == ()


# ---- a bucket that others use too


def _bucket(name: str) -> dict[str, Any]:
    """All that S3 tells of it, and every object but ours."""
    s3 = boto3.client("s3")
    tells = ("tagging", "policy", "versioning", "encryption", "lifecycle_configuration")
    found = {what: getattr(s3, f"get_bucket_{what}")(Bucket=name) for what in tells}
    found |= {"public": s3.get_public_access_block(Bucket=name)}
    for said in found.values():
        said.pop("ResponseMetadata")
    versions = s3.list_object_versions(Bucket=name)["Versions"]
    return {**found, "objects": [one for one in versions if not one["Key"].startswith("livekit-deploy/livekit/dev")]}


def test_a_shared_state_bucket_keeps_its_settings_and_what_others_keep_in_it(tmp_path: Path, aws: None) -> None:
    s3, name = boto3.client("s3"), "acme-shared"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "team", "Value": "platform"}]})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/public/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    kms = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [kms]})
    rule = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": False})
    for key in ("livekit-deploy/livekit/uat.json", "livekit-deploy/livekit/history/1.json", "terraform.tfstate"):
        s3.put_object(Bucket=name, Key=key, Body=b"theirs")
    before = _bucket(name)
    path = tmp_path / "dev.yaml"
    path.write_text(f"{ENVIRONMENT % 7}\nstate: {{bucket: {name}}}\n")
    with Deployer(load_environment(path, environ={}), resources=[Base().vpc()], clock=FakeClock()) as made:
        made.up()
        assert _bucket(name) == before
        assert made.down().leftovers == []
    assert _bucket(name) == before
    assert s3.get_object(Bucket=name, Key="livekit-deploy/livekit/dev.json")["ContentLength"], "it was used"
