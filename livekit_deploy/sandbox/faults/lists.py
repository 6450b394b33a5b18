"""The lists that may be late, and the keys of their items.

AWS says of these that they may be late; where a page names no list, it speaks of the service as a whole:

    Secrets Manager    API reference, ListSecrets: changes of the last five minutes may be missing
    tag index          Resource Groups Tagging API reference, GetResources: also what was tagged once
    IAM                User guide, "Troubleshoot IAM": changes are not always visible at once
    KMS                Developer guide, "AWS KMS eventual consistency": aliases and tags may take minutes
    ACM                API reference, DeleteCertificate: a deleted certificate may be listed for a while
    EC2                Developer guide, "Eventual consistency in the Amazon EC2 API"

Of EKS, ElastiCache, Elastic Load Balancing, CloudWatch Logs and Route 53's zones AWS says nothing: what is not promised
is not relied on, so that their lists are late here as well. Two are promised to be current: Route 53's records (API
reference, ListResourceRecordSets: "the most current version") and S3 (User guide, "Amazon S3 data consistency model").

A call that names its object is no list: it describes, and is right. So is a list of the parts of one object that it
names, such as the policies of a role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Listing:
    """``key`` is the member of the answer with the items, ``id`` that of an item that names it, "" for bare names.

    A parameter that begins as ``by`` names items; ``id`` unless another is given.
    """

    key: str
    id: str
    by: str = ""


LATE: Mapping[str, Listing] = {
    "acm:ListCertificates": Listing("CertificateSummaryList", "CertificateArn"),
    "ec2:DescribeAddresses": Listing("Addresses", "AllocationId"),
    "ec2:DescribeFlowLogs": Listing("FlowLogs", "FlowLogId"),
    "ec2:DescribeInstances": Listing("Reservations", "ReservationId"),
    "ec2:DescribeInternetGateways": Listing("InternetGateways", "InternetGatewayId"),
    "ec2:DescribeLaunchTemplates": Listing("LaunchTemplates", "LaunchTemplateId"),
    "ec2:DescribeNatGateways": Listing("NatGateways", "NatGatewayId"),
    "ec2:DescribeNetworkAcls": Listing("NetworkAcls", "NetworkAclId"),
    "ec2:DescribeNetworkInterfaces": Listing("NetworkInterfaces", "NetworkInterfaceId"),
    "ec2:DescribeRouteTables": Listing("RouteTables", "RouteTableId"),
    "ec2:DescribeSecurityGroupRules": Listing("SecurityGroupRules", "SecurityGroupRuleId"),
    "ec2:DescribeSecurityGroups": Listing("SecurityGroups", "GroupId"),
    "ec2:DescribeSubnets": Listing("Subnets", "SubnetId"),
    "ec2:DescribeVolumes": Listing("Volumes", "VolumeId"),
    "ec2:DescribeVpcEndpoints": Listing("VpcEndpoints", "VpcEndpointId"),
    "ec2:DescribeVpcs": Listing("Vpcs", "VpcId"),
    "ec2:DescribeVpnGateways": Listing("VpnGateways", "VpnGatewayId"),
    "eks:ListAccessEntries": Listing("accessEntries", ""),
    "eks:ListAddons": Listing("addons", ""),
    "eks:ListClusters": Listing("clusters", ""),
    "eks:ListNodegroups": Listing("nodegroups", ""),
    "elasticache:DescribeCacheClusters": Listing("CacheClusters", "CacheClusterId"),
    "elasticache:DescribeCacheParameterGroups": Listing("CacheParameterGroups", "CacheParameterGroupName"),
    "elasticache:DescribeCacheSubnetGroups": Listing("CacheSubnetGroups", "CacheSubnetGroupName"),
    "elasticache:DescribeReplicationGroups": Listing("ReplicationGroups", "ReplicationGroupId"),
    "elbv2:DescribeLoadBalancers": Listing("LoadBalancers", "LoadBalancerArn"),
    "elbv2:DescribeTargetGroups": Listing("TargetGroups", "TargetGroupArn"),
    "iam:ListOpenIDConnectProviders": Listing("OpenIDConnectProviderList", "Arn"),
    "iam:ListPolicies": Listing("Policies", "Arn"),
    "iam:ListRoles": Listing("Roles", "Arn"),
    "kms:ListAliases": Listing("Aliases", "AliasName"),
    "logs:DescribeLogGroups": Listing("logGroups", "logGroupName", "logGroupIdentifiers"),
    "resourcegroupstaggingapi:GetResources": Listing("ResourceTagMappingList", "ResourceARN"),
    "route53:ListHostedZonesByName": Listing("HostedZones", "Id"),
    "secretsmanager:ListSecrets": Listing("SecretList", "ARN"),
}

_FILTERS = ("Filters", "Filter", "TagFilters")
_PREFIX = "Prefix"
#: parameters that say how much of a list is wanted
_PAGING = (
    *("MaxItems", "MaxResults", "MaxRecords", "PageSize", "maxResults", "limit", "ResourcesPerPage"),
    *("NextToken", "nextToken", "Marker", "PaginationToken"),
)


@dataclass(frozen=True)
class Asked:
    """What of a list is wanted: ``scope`` says which list it is, of ``filters`` an item must hold one value of each."""

    scope: str
    filters: tuple[tuple[str, ...], ...]


def asked(listing: Listing, parameters: Mapping[str, Any]) -> Asked | None:
    """What a call asks of a list; None for one that names its objects."""
    filters, scope = [], {}
    for name, value in parameters.items():
        if name in _FILTERS:
            filters += [tuple(map(str, one.get("Values") or ())) for one in value]
        elif name.endswith(_PREFIX):
            filters.append((str(value),))
        elif listing.id and name.startswith(listing.by or listing.id):
            return None
        elif name not in _PAGING:
            scope[name] = value
    return Asked(repr(sorted(scope.items())), tuple(one for one in filters if one))
