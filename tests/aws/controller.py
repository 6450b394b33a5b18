"""What the load balancer controller of a cluster makes in its network, and what nobody deletes when it is dead."""

from __future__ import annotations

from typing import Any

import boto3

from tests.aws.rig import AwsRig

CLUSTER = {"Key": "elbv2.k8s.aws/cluster", "Value": "livekit-uat-main"}


def controller_made(rig: AwsRig) -> None:
    """A protected load balancer with its target group, its group, and its rule in the nodes' group."""
    ec2, elb = boto3.client("ec2"), boto3.client("elbv2")
    vpc, nodes = str(rig.records["ec2.vpc/main"].id), str(rig.records["ec2.security_group/media"].id)
    subnets = [str(rig.records[f"ec2.subnet/public-{letter}"].id) for letter in "ab"]
    group = ec2.create_security_group(GroupName="k8s-traffic", Description="d", VpcId=vpc)["GroupId"]
    ec2.create_tags(Resources=[group], Tags=[CLUSTER])
    pairs = [{"GroupId": group, "Description": "elbv2.k8s.aws/targetGroupBinding=shared"}]
    permission: Any = {"IpProtocol": "tcp", "FromPort": 7880, "ToPort": 7880, "UserIdGroupPairs": pairs}
    ec2.authorize_security_group_ingress(GroupId=nodes, IpPermissions=[permission])
    made = elb.create_load_balancer(Name="k8s-livekit", Subnets=subnets, SecurityGroups=[group], Tags=[CLUSTER])
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=on)
    elb.create_target_group(Name="k8s-livekit", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", Tags=[CLUSTER])
