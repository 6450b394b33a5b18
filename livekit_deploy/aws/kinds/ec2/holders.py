"""Finds what is in a network and who made it: what blocks the deletion of a VPC's parts, and what `down` left there.

Lists find it, which may still show what is gone: each thing is described by its id before it is named.

AWS does not say who made a network interface or a security group, but each maker leaves a sign: a tag, a description.
Sources: AWS Load Balancer Controller, "Security groups"; EKS user guide, "Networking requirements"; EC2 user guide,
"Requester-managed network interfaces".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ENV, LINEAGE, PROJECT, mapping
from livekit_deploy.aws.kinds.ec2.load_balancers import described as balancer
from livekit_deploy.aws.kinds.ec2.resource import described
from livekit_deploy.aws.kinds.states import ENDPOINT, GONE, NAT_GATEWAY, VPN_GATEWAY

Item = Mapping[str, Any]

#: beginning of an interface's description → its maker; ``{}`` is the rest of the description
_DESCRIBED = {
    "Amazon EKS ": "EKS for the cluster {}",
    "aws-K8S-": "the VPC CNI on a node",
    "ELB ": "the load balancer {}",
    "ElastiCache ": "ElastiCache for {}",
    "Interface for NAT Gateway ": "the NAT gateway {}",
    "VPC Endpoint Interface ": "the VPC endpoint {}",
    "AWS Lambda VPC ENI": "Lambda{}",
    "RDSNetworkInterface": "RDS",
    "EFS mount target": "EFS{}",
}
#: tag → its maker; ``{}`` is the value
_TAGGED = {
    "elbv2.k8s.aws/cluster": "the load balancer controller of the cluster {}",
    "cluster.k8s.amazonaws.com/name": "the VPC CNI of the cluster {}",
    "aws:eks:cluster-name": "EKS for the cluster {}",
    "eks:cluster-name": "EKS for the cluster {}",
    "aws:cloudformation:stack-name": "the CloudFormation stack {}",
    "aws:autoscaling:groupName": "the Auto Scaling group {}",
    "GuardDutyManaged": "GuardDuty's runtime monitoring",
    "FMManaged": "AWS Firewall Manager",
}
_OF_CLUSTER = "kubernetes.io/cluster/"


@dataclass(frozen=True)
class Thing:
    """One object with its maker; ``size`` is in GiB where it has one, ``shown`` what else is told of it."""

    what: str
    id: str
    maker: str
    size: int = 0
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.id} (made by {self.maker}{f': {self.shown}' if self.shown else ''})"


def maker(cloud: Cloud, item: Item) -> str:
    """Who made an object of EC2's, as far as its tags, description and name tell."""
    tags = mapping(item.get("Tags") or item.get("TagSet") or [])
    if cloud.ownership.ours(tags):
        return "this environment"
    if LINEAGE in tags:
        return f"livekit_deploy for {tags.get(PROJECT)}/{tags.get(ENV)}"
    for key, name in _TAGGED.items():
        if key in tags:
            return name.format(tags[key])
    said = str(item.get("Description", ""))
    for start, name in _DESCRIBED.items():
        if said.startswith(start):
            return name.format(said.removeprefix(start))
    clusters = [key.removeprefix(_OF_CLUSTER) for key in tags if key.startswith(_OF_CLUSTER)]
    if clusters:
        return f"a controller of the cluster {clusters[0]}"
    instance = (item.get("Attachment") or {}).get("InstanceId")
    return f"the instance {instance}" if instance else "somebody else"


def signs(item: Item) -> str:
    """Status, type, requester and description of a network interface: what tells whose it is."""
    said = [str(item.get("Status", "")), str(item.get("InterfaceType", ""))]
    if requester := item.get("RequesterId"):
        said.append(f"requester {requester}")
    return ", ".join(filter(None, [*said, str(item.get("Description", ""))]))


def interfaces(cloud: Cloud, **filters: Sequence[str]) -> Iterator[Thing]:
    """The network interfaces that the filters admit."""
    for item in _interfaces(cloud, **filters):
        yield Thing("network interface", item["NetworkInterfaceId"], maker(cloud, item), shown=signs(item))


def public_in(cloud: Cloud, vpc_id: str) -> Iterator[Thing]:
    """The network interfaces of a VPC that have a public address: they keep its Internet gateway."""
    for item in _interfaces(cloud, vpc_id=[vpc_id]):
        if address := item.get("Association", {}).get("PublicIp"):
            yield Thing(f"address {address} on the network interface", item["NetworkInterfaceId"], maker(cloud, item))


def _interfaces(cloud: Cloud, **filters: Sequence[str]) -> Sequence[Item]:
    wanted = [{"Name": name.replace("_", "-"), "Values": list(values)} for name, values in filters.items()]
    where = "describe_network_interfaces", "NetworkInterfaces"
    found = cloud.ec2.pages(*where, Filters=wanted)
    return [item for item in found if described(cloud, *where, "NetworkInterfaceId", item["NetworkInterfaceId"])]


def holding_group(cloud: Cloud, group_id: str) -> Iterator[Thing]:
    """What keeps a security group: interfaces that carry it, and rules of other groups that refer to it."""
    yield from interfaces(cloud, group_id=[group_id])
    for rule in cloud.ec2.pages("describe_security_group_rules", "SecurityGroupRules"):
        if rule.get("ReferencedGroupInfo", {}).get("GroupId") == group_id != rule["GroupId"]:
            yield Thing(f"rule of {rule['GroupId']}", rule["SecurityGroupRuleId"], maker(cloud, rule))


#: what a VPC may hold: words, describe operation, key of the list, key of the id, name of the filter
_IN_A_VPC = (
    ("subnet", "describe_subnets", "Subnets", "SubnetId", "vpc-id"),
    ("internet gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", "attachment.vpc-id"),
    ("VPC endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "vpc-id"),
    ("security group", "describe_security_groups", "SecurityGroups", "GroupId", "vpc-id"),
    ("route table", "describe_route_tables", "RouteTables", "RouteTableId", "vpc-id"),
    ("network ACL", "describe_network_acls", "NetworkAcls", "NetworkAclId", "vpc-id"),
    ("VPN gateway", "describe_vpn_gateways", "VpnGateways", "VpnGatewayId", "attachment.vpc-id"),
)

#: what EC2 shows for a while after it is deleted
_SHOWN_AFTER = {"describe_vpc_endpoints": ENDPOINT, "describe_vpn_gateways": VPN_GATEWAY}


def in_vpc(cloud: Cloud, vpc_id: str) -> Iterator[Thing]:
    """Everything in a VPC but what goes with it: its default group, its main route table and its default ACL."""
    for item in cloud.elbv2.pages("describe_load_balancers", "LoadBalancers"):
        if item.get("VpcId") == vpc_id and balancer(cloud, item["LoadBalancerArn"]):
            yield Thing("load balancer", item["LoadBalancerArn"], f"a controller ({item['LoadBalancerName']})")
    gateways = cloud.ec2.pages("describe_nat_gateways", "NatGateways", Filter=[{"Name": "vpc-id", "Values": [vpc_id]}])
    for item in gateways:
        now = described(cloud, "describe_nat_gateways", "NatGateways", "NatGatewayId", item["NatGatewayId"])
        if now is not None and NAT_GATEWAY.of(now["State"]).meaning is not GONE:
            yield Thing("NAT gateway", item["NatGatewayId"], maker(cloud, item))
    yield from interfaces(cloud, vpc_id=[vpc_id])
    for what, operation, key, id, name in _IN_A_VPC:
        for item in cloud.ec2.pages(operation, key, Filters=[{"Name": name, "Values": [vpc_id]}]):
            main = any(one.get("Main") for one in item.get("Associations", []))
            goes_along = main or item.get("GroupName") == "default" or item.get("IsDefault", False)
            deleted = operation in _SHOWN_AFTER and _SHOWN_AFTER[operation].of(item["State"]).meaning is GONE
            if not goes_along and not deleted and described(cloud, operation, key, id, item[id]):
                paid = item.get("VpcEndpointType", "Gateway") != "Gateway"
                yield Thing("interface endpoint" if paid else what, item[id], maker(cloud, item))
