"""What keeps a part of the network from being deleted is named: type, id, and who made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.kinds.barriers import NetworkInterfacesGone
from livekit_deploy.aws.kinds.ec2.nat import ElasticIp
from livekit_deploy.aws.kinds.ec2.security_groups import SecurityGroup
from livekit_deploy.aws.kinds.ec2.vpc import InternetGateway, Subnet, Vpc
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import TimedOut
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import Base


def _network() -> list[Resource]:
    base = Base()
    swept = NetworkInterfacesGone("main", vpc_id=base.vpc().id, after=[base.subnet("a")])
    return [base.vpc(), base.gateway(), base.subnet("a"), base.group(), base.address("a"), swept]


def _id(rig: AwsRig, address: str) -> str:
    return str(rig.records[address].id)


def _interface(rig: AwsRig, **more: Any) -> str:
    """A network interface in the subnet, held by whoever made it."""
    said = boto3.client("ec2").create_network_interface(SubnetId=_id(rig, "ec2.subnet/public-a"), **more)
    return str(said["NetworkInterface"]["NetworkInterfaceId"])


def _of_lambda(rig: AwsRig) -> tuple[str, str, str]:
    id = _interface(rig, Description="AWS Lambda VPC ENI-upload-1a2b")
    return "ec2.subnet/public-a", f"network interface {id}", "made by Lambda-upload-1a2b"


def _of_another_cluster(rig: AwsRig) -> tuple[str, str, str]:
    tags = [{"Key": "cluster.k8s.amazonaws.com/name", "Value": "other"}]
    made = [{"ResourceType": "network-interface", "Tags": tags}]
    id = _interface(rig, Description="aws-K8S-i-0123", TagSpecifications=made)
    return "ec2.subnet/public-a", f"network interface {id}", "the VPC CNI of the cluster other"


def _of_the_controller(rig: AwsRig) -> tuple[str, str, str]:
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(
        GroupName="k8s-theirs",
        Description="d",
        VpcId=_id(rig, "ec2.vpc/main"),
        TagSpecifications=[
            {"ResourceType": "security-group", "Tags": [{"Key": "elbv2.k8s.aws/cluster", "Value": "other"}]}
        ],
    )["GroupId"]
    return "ec2.vpc/main", f"security group {group}", "the load balancer controller of the cluster other"


def _rule_of_somebody(rig: AwsRig) -> tuple[str, str, str]:
    ec2, held = boto3.client("ec2"), _id(rig, "ec2.security_group/media")
    group = ec2.create_security_group(GroupName="app", Description="d", VpcId=_id(rig, "ec2.vpc/main"))["GroupId"]
    pairs = [{"GroupId": held}]
    permission = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": pairs}
    said = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    rule = said["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return "ec2.security_group/media", f"rule of {group} {rule}", "somebody else"


def _public_address(rig: AwsRig) -> tuple[str, str, str]:
    ec2, id = boto3.client("ec2"), _interface(rig, Description="bastion")
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=id)
    return "ec2.internet_gateway/main", f"address {address['PublicIp']}", id


def _address_of_ours(rig: AwsRig) -> tuple[str, str, str]:
    id = _interface(rig, Description="bastion")
    address = _id(rig, "ec2.elastic_ip/a")
    boto3.client("ec2").associate_address(AllocationId=address, NetworkInterfaceId=id)
    return "ec2.elastic_ip/a", f"network interface {id}", "somebody else"


def _acl_of_a_stack(rig: AwsRig) -> tuple[str, str, str]:
    acl = boto3.client("ec2").create_network_acl(VpcId=_id(rig, "ec2.vpc/main"))["NetworkAcl"]["NetworkAclId"]
    boto3.client("ec2").create_tags(Resources=[acl], Tags=[{"Key": "aws:cloudformation:stack-name", "Value": "net"}])
    return "ec2.vpc/main", f"network ACL {acl}", "the CloudFormation stack net"


def _vpn_gateway(rig: AwsRig) -> tuple[str, str, str]:
    gateway = boto3.client("ec2").create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    boto3.client("ec2").attach_vpn_gateway(VpcId=_id(rig, "ec2.vpc/main"), VpnGatewayId=gateway)
    return "ec2.vpc/main", f"VPN gateway {gateway}", "somebody else"


@pytest.mark.parametrize(
    "hold",
    [
        *(_of_lambda, _of_another_cluster, _of_the_controller, _rule_of_somebody, _public_address, _address_of_ours),
        *(_acl_of_a_stack, _vpn_gateway),
    ],
)
def test_who_holds_it_is_named_by_type_id_and_maker(
    hold: Callable[[AwsRig], tuple[str, str, str]], rig: AwsRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in (Vpc, Subnet, SecurityGroup, InternetGateway, ElasticIp):
        monkeypatch.setattr(kind, "delete_timeout", 45.0)
    rig.up(_network())
    address, what, by = hold(rig)
    error = rig.taken_down().failed[address]
    assert isinstance(error, TimedOut)
    assert error.code in ("DependencyViolation", "InvalidIPAddress.InUse", "AuthFailure")
    assert what in error.message
    assert by in error.message
