"""Somebody deletes what we made: it is made again, and what refers to it follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.kinds.ec2.routes import RouteTable
from livekit_deploy.aws.kinds.ec2.security_groups import SecurityGroupRule
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.engine.plan import Action, PlannedChange
from livekit_deploy.engine.resource import Resource
from livekit_deploy.stack import Infrastructure
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import ZONE, Base

ENVIRONMENT = f"""
preset: dev
region: us-east-1
livekit: {{domain: livekit.dev.{ZONE}, hosted_zone: {ZONE}}}
"""
GONE = "it was deleted by someone else"


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    path = tmp_path / "uat.yaml"
    path.write_text(ENVIRONMENT)
    return load_environment(path, environ={})


def _of(rig: AwsRig, kind: str) -> str:
    """The id of the first recorded object of a kind."""
    return next(str(record.id) for address, record in sorted(rig.records.items()) if address.startswith(f"{kind}/"))


def _settles(rig: AwsRig, declared: Callable[[], Sequence[Resource]]) -> dict[str, PlannedChange]:
    """Bring it up again; nothing may be left to do. Returns what the plan said."""
    before = rig.plan(declared())
    rig.up(declared())
    assert rig.plan(declared()).changes == ()
    return {change.address: change for change in before.changes}


# ---- parts of a whole environment


def _delete_template(rig: AwsRig) -> None:
    boto3.client("ec2").delete_launch_template(LaunchTemplateId=_of(rig, "ec2.launch_template"))


def _delete_token(rig: AwsRig) -> None:
    arn = next(str(r.id) for a, r in rig.records.items() if a == "secretsmanager.secret/redis-token")
    boto3.client("secretsmanager").delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def _delete_redis(rig: AwsRig) -> None:
    boto3.client("elasticache").delete_replication_group(ReplicationGroupId=_of(rig, "elasticache.replication_group"))


def _delete_record(rig: AwsRig) -> None:
    zone, kind, name = _of(rig, "route53.record").split("/", 2)
    route53 = boto3.client("route53")
    listed = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    record = next(one for one in listed if one["Type"] == kind and one["Name"].rstrip(".") == name)
    changes = [{"Action": "DELETE", "ResourceRecordSet": record}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def _delete_cluster(rig: AwsRig) -> None:
    eks, name = boto3.client("eks"), _of(rig, "eks.cluster")
    for group in eks.list_nodegroups(clusterName=name)["nodegroups"]:
        eks.delete_nodegroup(clusterName=name, nodegroupName=group)
        with pytest.raises(eks.exceptions.ResourceNotFoundException):
            eks.describe_nodegroup(clusterName=name, nodegroupName=group)
    eks.delete_cluster(name=name)


@pytest.mark.slow
def test_parts_of_an_environment_come_back_with_what_refers_to_them(rig: AwsRig, env: Environment, aws: None) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")

    def declared() -> list[Resource]:
        return Infrastructure(env).resources

    rig.up(declared())
    rounds: list[dict[str, tuple[Callable[[AwsRig], None], set[str]]]] = [
        {
            "ec2.launch_template": (_delete_template, {"eks.node_group"}),
            "secretsmanager.secret": (_delete_token, {"elasticache.replication_group"}),
            "route53.record": (_delete_record, set()),
        },
        {
            "elasticache.replication_group": (_delete_redis, set()),
            "eks.cluster": (_delete_cluster, {"eks.addon", "eks.access_entry", "eks.node_group", "iam.oidc_provider"}),
        },
    ]
    for deletions in rounds:
        for delete, _ in deletions.values():
            delete(rig)
        said = _settles(rig, declared)
        for kind, (_, followers) in deletions.items():
            gone = [change for address, change in said.items() if address.startswith(f"{kind}/")]
            assert [(change.action, change.reason) for change in gone] == [(Action.CREATE, GONE)], kind
            assert followers <= {address.partition("/")[0] for address in said}, kind
    oidc = [record.outputs for address, record in rig.records.items() if address.startswith("iam.oidc_provider/")]
    assert [f"https://{one['issuer']}" for one in oidc] == [rig.outputs("eks.cluster/main")["issuer"]]
    rig.down()
    assert rig.records == {}
    assert boto3.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


# ---- the network


def _network() -> list[Resource]:
    base = Base()
    return [base.vpc(), base.gateway(), base.subnet("a"), base.group(), base.group("other"), *_on(base)]


def _on(base: Base) -> list[Resource]:
    table = RouteTable(
        "public",
        vpc_id=base.vpc().id,
        routes=[{"to": "0.0.0.0/0", "via": base.gateway().id}],
        subnet_ids=[base.subnet("a").id],
        after=[base.gateway()],
    )
    ports: dict[str, Any] = {"protocol": "tcp", "first_port": 1, "last_port": 2}
    rules = [
        SecurityGroupRule("own", group_id=base.group().id, cidr="10.0.0.0/8", **ports),
        SecurityGroupRule("from", group_id=base.group("other").id, source=base.group().id, **ports),
    ]
    return [table, *rules]


def _delete_group(rig: AwsRig) -> None:
    ec2 = boto3.client("ec2")
    group = str(rig.records["ec2.security_group/media"].id)
    other = str(rig.records["ec2.security_group/other"].id)
    rule = next(str(r.id) for a, r in rig.records.items() if a.startswith("ec2.security_group_rule/from"))
    ec2.revoke_security_group_ingress(GroupId=other, SecurityGroupRuleIds=[rule])
    ec2.delete_security_group(GroupId=group)


def _delete_gateway(rig: AwsRig) -> None:
    ec2, id = boto3.client("ec2"), _of(rig, "ec2.internet_gateway")
    ec2.detach_internet_gateway(InternetGatewayId=id, VpcId=_of(rig, "ec2.vpc"))
    ec2.delete_internet_gateway(InternetGatewayId=id)


def _delete_vpc(rig: AwsRig) -> None:
    """With everything in it, as the console does; the gateway is left, detached."""
    ec2, vpc = boto3.client("ec2"), _of(rig, "ec2.vpc")
    mine = [{"Name": "vpc-id", "Values": [vpc]}]
    for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]:
        if not rule["IsEgress"] and rule["GroupId"] in {str(record.id) for record in rig.records.values()}:
            ec2.revoke_security_group_ingress(
                GroupId=rule["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
            )
    for group in ec2.describe_security_groups(Filters=mine)["SecurityGroups"]:
        if group["GroupName"] != "default":
            ec2.delete_security_group(GroupId=group["GroupId"])
    for table in ec2.describe_route_tables(Filters=mine)["RouteTables"]:
        if any(one.get("Main") for one in table["Associations"]):
            continue
        for one in table["Associations"]:
            ec2.disassociate_route_table(AssociationId=one["RouteTableAssociationId"])
        ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    for subnet in ec2.describe_subnets(Filters=mine)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.detach_internet_gateway(InternetGatewayId=_of(rig, "ec2.internet_gateway"), VpcId=vpc)
    ec2.delete_vpc(VpcId=vpc)


@pytest.mark.parametrize(
    ("delete", "again", "follow"),
    [
        (_delete_group, {"ec2.security_group/media"}, {"ec2.security_group_rule"}),
        (_delete_gateway, {"ec2.internet_gateway/main"}, {"ec2.route_table"}),
        (
            _delete_vpc,
            {"ec2.vpc/main", "ec2.subnet/public-a", "ec2.security_group/media", "ec2.route_table/public"},
            {"ec2.internet_gateway", "ec2.security_group_rule"},
        ),
    ],
    ids=["security group", "gateway", "vpc"],
)
def test_parts_of_the_network_come_back(
    delete: Callable[[AwsRig], None], again: set[str], follow: set[str], rig: AwsRig
) -> None:
    rig.up(_network())
    delete(rig)
    said = _settles(rig, _network)
    assert again <= {address for address, change in said.items() if change.action is Action.CREATE}
    assert follow <= {address.partition("/")[0] for address in said}
    rig.down()
    assert rig.records == {}
    vpcs = boto3.client("ec2").describe_vpcs()["Vpcs"]
    assert [vpc["IsDefault"] for vpc in vpcs] == [True]
