"""`down` when those who made things in our network are gone: the barriers delete them through AWS."""

from __future__ import annotations

import boto3
import pytest

from livekit_deploy.aws.barriers import LoadBalancersGone, NetworkInterfacesGone
from livekit_deploy.aws.oidc import OidcProvider
from livekit_deploy.engine.resource import Resource
from tests.aws.controller import CLUSTER, controller_made
from tests.aws.rig import AwsRig
from tests.contract.cases import Base


def _declared() -> list[Resource]:
    base = Base()
    left = NetworkInterfacesGone("main", vpc_id=base.vpc().id, after=[base.subnet("a"), base.subnet("b")])
    cluster = base.new_cluster()
    cluster.after = (left, base.gateway())
    oidc = OidcProvider("main", url=cluster.issuer)
    balanced = LoadBalancersGone("main", after=[cluster])
    network = [base.vpc(), base.gateway(), base.subnet("a"), base.subnet("b"), base.group(), base.role()]
    return [*network, left, cluster, oidc, balanced]


def _cni_left(rig: AwsRig) -> None:
    """An interface of a node that died between detaching and deleting it; it holds the cluster's own group."""
    subnet = str(rig.records["ec2.subnet/public-a"].id)
    group = str(rig.records["eks.cluster/main"].outputs["security_group_id"])
    boto3.client("ec2").create_network_interface(SubnetId=subnet, Groups=[group], Description="aws-K8S-i-0123")


@pytest.mark.slow
def test_a_dead_controller_and_a_cluster_that_somebody_deleted(rig: AwsRig) -> None:
    rig.up(_declared())
    controller_made(rig)
    _cni_left(rig)
    boto3.client("eks").delete_cluster(name="livekit-uat-main")
    rig.down()
    assert rig.records == {}
    elb, ec2 = boto3.client("elbv2"), boto3.client("ec2")
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    assert elb.describe_target_groups()["TargetGroups"] == []
    assert [vpc["IsDefault"] for vpc in ec2.describe_vpcs()["Vpcs"]] == [True]
    assert boto3.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_what_is_deleted_while_its_tags_are_asked_for_is_gone(rig: AwsRig) -> None:
    """The controller may still be at work, and load balancers of others come and go too."""
    base = Base()
    subnets = [base.subnet("a"), base.subnet("b")]
    rig.up([base.vpc(), base.gateway(), *subnets, LoadBalancersGone("main", after=subnets)])
    elb, vpc = boto3.client("elbv2"), str(rig.records["ec2.vpc/main"].id)
    balancers, groups = [], []
    for name in ("going", "staying"):
        places = [str(rig.records[one.address].id) for one in subnets]
        made = elb.create_load_balancer(Name=name, Subnets=places, Tags=[CLUSTER])
        balancers.append(made["LoadBalancers"][0]["LoadBalancerArn"])
        group = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, Tags=[CLUSTER])
        groups.append(group["TargetGroups"][0]["TargetGroupArn"])

    def meanwhile(**_: object) -> None:
        if len(balancers) == 2:
            elb.delete_load_balancer(LoadBalancerArn=balancers.pop(0))
        elif len(groups) == 2:
            elb.delete_target_group(TargetGroupArn=groups.pop(0))

    rig.clients("elbv2").meta.events.register("before-call.elastic-load-balancing-v2.DescribeTags", meanwhile)
    rig.down()
    assert (len(balancers), len(groups)) == (1, 1)
    assert rig.records == {}
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    assert elb.describe_target_groups()["TargetGroups"] == []


def test_the_protection_of_a_cluster_is_lifted_by_down(rig: AwsRig) -> None:
    base = Base()
    cluster = base.new_cluster(deletion_protection=True)
    rig.up([base.vpc(), base.subnet("a"), base.subnet("b"), base.role(), cluster])
    rig.down()
    assert rig.records == {}
    assert boto3.client("eks").list_clusters()["clusters"] == []
