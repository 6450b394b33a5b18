"""`down` when those who made things in our network are gone: the barriers delete them through AWS."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto.ec2.models import ec2_backends

from livekit_deploy.aws.access.tags import LINEAGE
from livekit_deploy.aws.kinds.barriers import LoadBalancersGone, NetworkInterfacesGone
from livekit_deploy.aws.kinds.ec2.resource import networks
from livekit_deploy.aws.kinds.ec2.vpc import Subnet
from livekit_deploy.aws.kinds.iam.oidc import OidcProvider
from livekit_deploy.engine.resource import Resource
from livekit_deploy.operations.leftovers import leftovers
from tests.aws.controller import CLUSTER, controller_made
from tests.aws.rig import REGION, AwsRig
from tests.contract.kinds.case import Base


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
    _interface(subnet, "aws-K8S-i-0123", Groups=[group])


def _interface(subnet: str, description: str, cluster: str = "livekit-uat-main", **more: Any) -> str:
    """One that the CNI of a cluster made; it is available."""
    tags = [{"ResourceType": "network-interface", "Tags": [{"Key": CNI, "Value": cluster}]}] if cluster else []
    said = boto3.client("ec2").create_network_interface(
        SubnetId=subnet, Description=description, **more, **({"TagSpecifications": tags} if tags else {})
    )
    return str(said["NetworkInterface"]["NetworkInterfaceId"])


CNI = "cluster.k8s.amazonaws.com/name"


def _in_use(id: str, **more: Any) -> None:
    interface = ec2_backends["123456789012"][REGION].enis[id]
    interface.status = "in-use"
    for name, value in more.items():
        setattr(interface, name, value)


def test_only_interfaces_of_the_cni_that_are_available_are_swept_and_the_rest_is_named(
    rig: AwsRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Base()
    rig.up(
        [base.vpc(), base.subnet("a"), NetworkInterfacesGone("main", vpc_id=base.vpc().id, after=[base.subnet("a")])]
    )
    subnet = str(rig.records["ec2.subnet/public-a"].id)
    swept = _interface(subnet, "aws-K8S-i-1")
    busy = _interface(subnet, "aws-K8S-i-2")
    _in_use(busy, requester_id="AROATHENODE:i-2")
    untagged = _interface(subnet, "Amazon EKS livekit-uat-main", cluster="")
    theirs = _interface(subnet, "aws-K8S-i-3", cluster="other")
    monkeypatch.setattr(NetworkInterfacesGone, "delete_timeout", 600.0)
    error = rig.taken_down().failed["barrier.network_interfaces_gone/main"]
    left = {one["NetworkInterfaceId"] for one in boto3.client("ec2").describe_network_interfaces()["NetworkInterfaces"]}
    assert left == {busy, untagged, theirs}
    assert swept not in left
    assert f"network interface {busy} (in-use, interface, requester AROATHENODE:i-2, aws-K8S-i-2)" in error.message
    assert f"network interface {untagged} (available, interface" in error.message
    assert theirs not in error.message
    assert rig.calls().count("DeleteNetworkInterface") == 1


def test_what_guardduty_put_into_the_network_goes_with_it(rig: AwsRig) -> None:
    features = [{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}]
    boto3.client("guardduty").create_detector(Enable=True, Features=features)
    rig.up(_declared())
    ec2, vpc = boto3.client("ec2"), str(rig.records["ec2.vpc/main"].id)
    (endpoint,) = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert endpoint["ServiceName"] == f"com.amazonaws.{REGION}.guardduty-data"
    others = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]  # another network of the account, watched too
    tags = [{"Key": "GuardDutyManaged", "Value": "true"}]
    specified = [{"ResourceType": "security-group", "Tags": tags}]
    named = f"GuardDutyManagedSecurityGroup-{others}"
    kept = ec2.create_security_group(GroupName=named, Description="d", VpcId=others, TagSpecifications=specified)
    began = rig.clock.now()
    rig.down()
    assert rig.records == {}
    assert rig.clock.now() - began < 600
    assert vpc not in {one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]}
    assert ec2.describe_security_groups(GroupIds=[kept["GroupId"]])["SecurityGroups"]
    assert rig.calls().count("DeleteVpcEndpoints") == 1


def test_an_endpoint_that_somebody_made_is_not_ours_to_delete(rig: AwsRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subnet, "delete_timeout", 45.0)
    base = Base()
    rig.up(
        [base.vpc(), base.subnet("a"), NetworkInterfacesGone("main", vpc_id=base.vpc().id, after=[base.subnet("a")])]
    )
    subnet, vpc = str(rig.records["ec2.subnet/public-a"].id), str(rig.records["ec2.vpc/main"].id)
    made = boto3.client("ec2").create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.ssm", VpcEndpointType="Interface", SubnetIds=[subnet]
    )["VpcEndpoint"]["VpcEndpointId"]
    error = rig.taken_down().failed["ec2.subnet/public-a"]
    assert f"the VPC endpoint {made}" in str(error)
    assert "DeleteVpcEndpoints" not in rig.calls()
    found, _ = leftovers(rig.cloud, [vpc])
    (left,) = [one for one in found if one.id == made]
    assert (left.what, left.usd_month) == ("interface endpoint", None)


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


def _ids(vpc: str) -> set[str]:
    """What a controller and a node made in a network."""
    ec2, elb = boto3.client("ec2"), boto3.client("elbv2")
    within = [{"Name": "vpc-id", "Values": [vpc]}]
    groups = (one["GroupId"] for one in ec2.describe_security_groups(Filters=within)["SecurityGroups"])
    interfaces = ec2.describe_network_interfaces(Filters=within)["NetworkInterfaces"]
    balancers = (one["LoadBalancerArn"] for one in elb.describe_load_balancers()["LoadBalancers"])
    targets = (one["TargetGroupArn"] for one in elb.describe_target_groups()["TargetGroups"])
    return {*groups, *(one["NetworkInterfaceId"] for one in interfaces), *balancers, *targets}


def test_what_has_our_names_in_a_network_that_does_not_carry_our_marks_stays(rig: AwsRig) -> None:
    """The id is on record and a cluster of the name was there: neither makes it ours."""
    rig.up(_declared())
    controller_made(rig)
    _cni_left(rig)
    vpc = str(rig.records["ec2.vpc/main"].id)
    assert networks(rig.cloud) == {vpc}
    boto3.client("ec2").delete_tags(Resources=[vpc], Tags=[{"Key": LINEAGE}])
    before = _ids(vpc)
    for barrier in (LoadBalancersGone("main"), NetworkInterfacesGone("main", vpc_id=vpc)):
        assert list(barrier.left(rig.cloud)) == []
    _, outcome = rig.torn_down()
    assert outcome.failed.keys() <= {"ec2.subnet/public-a", "ec2.subnet/public-b"}, "in use by what stays"
    assert {one for one in before - _ids(vpc) if not one.startswith(("sg-", "eni-"))} == set()
