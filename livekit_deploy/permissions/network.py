"""EC2: the network, security groups, launch templates, and what other programs leave in the network."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.aws.kinds.ec2.launch_templates import TAGGED
from livekit_deploy.aws.kinds.ec2.services import UNASKED
from livekit_deploy.permissions.statement import Scope, Statement

#: what is made with our tags in the call: action → the type of what it makes
_MAKES = {
    "CreateVpc": "vpc",
    "CreateSubnet": "subnet",
    "CreateInternetGateway": "internet-gateway",
    "CreateRouteTable": "route-table",
    "CreateVpcEndpoint": "vpc-endpoint",
    "CreateSecurityGroup": "security-group",
    "AuthorizeSecurityGroupIngress": "security-group-rule",
    "CreateLaunchTemplate": "launch-template",
}
_NAT = {"AllocateAddress": "elastic-ip", "CreateNatGateway": "natgateway"}
_FLOW_LOGS = {"CreateFlowLogs": "vpc-flow-log"}

#: what is done to, or inside of, something that carries our tags
_CHANGES = (
    *("CreateSubnet", "CreateRouteTable", "CreateVpcEndpoint", "CreateSecurityGroup"),
    *("ModifyVpcAttribute", "DeleteVpc", "ModifySubnetAttribute", "DeleteSubnet"),
    *("AttachInternetGateway", "DetachInternetGateway", "DeleteInternetGateway"),
    *("CreateRoute", "ReplaceRoute", "DeleteRoute", "DeleteRouteTable"),
    *("AssociateRouteTable", "ReplaceRouteTableAssociation", "DisassociateRouteTable"),
    *("ModifyVpcEndpoint", "DeleteVpcEndpoints"),
    *("AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules", "RevokeSecurityGroupIngress"),
    *("RevokeSecurityGroupEgress", "DeleteSecurityGroup"),
    *("CreateLaunchTemplateVersion", "DeleteLaunchTemplate"),
    *("CreateTags", "DeleteTags"),
)
_NAT_CHANGES = ("CreateNatGateway", "DeleteNatGateway", "ReleaseAddress")
_FLOW_LOG_CHANGES = ("CreateFlowLogs", "DeleteFlowLogs")

_READS = (
    *("DescribeVpcs", "DescribeVpcAttribute", "DescribeSubnets", "DescribeAvailabilityZones"),
    *("DescribeInternetGateways", "DescribeRouteTables", "DescribeVpcEndpoints"),
    *("DescribeSecurityGroups", "DescribeSecurityGroupRules", "DescribeNetworkAcls", "DescribeVpnGateways"),
    *("DescribeInstances", "DescribeLaunchTemplates", "DescribeLaunchTemplateVersions", "DescribeNetworkInterfaces"),
)
_NAT_READS = ("DescribeNatGateways", "DescribeAddresses")


def statements(scope: Scope) -> Iterator[Statement]:
    """The network of the environment, and nobody else's."""
    nat, flow_logs = scope.env.network.nat != "none", scope.env.network.flow_logs
    makes = {**_MAKES, **(_NAT if nat else {}), **(_FLOW_LOGS if flow_logs else {})}
    changes = (*_CHANGES, *(_NAT_CHANGES if nat else ()), *(_FLOW_LOG_CHANGES if flow_logs else ()))
    # what may be left of another configuration is looked for all the same
    reads = (*_READS, *_NAT_READS, "DescribeFlowLogs", "DescribeInstances", "DescribeVolumes")
    ours = [scope.arn("ec2", f"{kind}/*") for kind in makes.values()]
    yield Statement("Ec2Look", "ec2", reads, conditions=scope.in_region)
    yield Statement("Ec2Make", "ec2", tuple(makes), ours, scope.tagging)
    yield Statement("Ec2Change", "ec2", changes, ours, scope.tagged)
    yield Statement(
        "Ec2TagWhatIsMade",
        "ec2",
        ("CreateTags",),
        [*ours, *(scope.arn("ec2", f"{kind}/*") for kind in TAGGED)],
        {"StringEquals": {"ec2:CreateAction": [*makes, "RunInstances"]}},
    )
    yield from _nodes(scope)
    yield from _left_behind(scope)


def _nodes(scope: Scope) -> Iterator[Statement]:
    """EKS asks whether whoever makes a node group may launch instances with its template (EKS user guide, "Launch
    templates")."""
    template = scope.arn("ec2", "launch-template/*")
    owned = ("instance", "volume", "network-interface", "security-group", "subnet", "launch-template")
    image = f"arn:{scope.partition}:ec2:{scope.env.region}::image/*"
    yield Statement(
        "Ec2LaunchNodes",
        "ec2",
        ("RunInstances",),
        [*(scope.arn("ec2", f"{kind}/*") for kind in owned), image],
        {"ArnLike": {"ec2:LaunchTemplate": template}},
    )


def _left_behind(scope: Scope) -> Iterator[Statement]:
    """What the load balancer controller, EKS, the VPC CNI and the EBS CSI driver made for the cluster."""
    groups = [scope.arn("ec2", "security-group/*")]
    sweep = ("RevokeSecurityGroupIngress", "DeleteSecurityGroup")
    rules = ("AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules")  # the nodes are in the cluster's own group
    for sid, tag, actions in (
        ("Controllers", "elbv2.k8s.aws/cluster", sweep),
        ("Ekss", "aws:eks:cluster-name", (*rules, *sweep)),
    ):
        condition = {"StringEquals": {f"aws:ResourceTag/{tag}": scope.cluster}}
        yield Statement(f"Ec2Sweep{sid}Groups", "ec2", actions, groups, condition)
    yield Statement(
        "Ec2SweepInterfaces",
        "ec2",
        ("DeleteNetworkInterface",),
        [scope.arn("ec2", "network-interface/*")],
        {"StringEquals": {"aws:ResourceTag/cluster.k8s.amazonaws.com/name": scope.cluster}},
    )
    for service in UNASKED:
        yield Statement(
            f"Ec2Sweep{service.name}",
            "ec2",
            ("DeleteVpcEndpoints", "DeleteSecurityGroup"),
            [scope.arn("ec2", "vpc-endpoint/*"), *groups],
            {"StringEquals": {f"aws:ResourceTag/{service.tag}": "true"}},
        )
    yield Statement(
        "Ec2SweepVolumes",
        "ec2",
        ("DeleteVolume",),
        [scope.arn("ec2", "volume/*")],
        {"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{scope.cluster}": "owned"}},
    )
