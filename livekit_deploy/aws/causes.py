"""What is likely behind an error of AWS, and what to do about it: one table, by AWS's code and AWS's words.

Sources: EKS user guide, "Troubleshooting" and "Network requirements"; ElastiCache, ACM and VPC user guides; the quotas
as Service Quotas names them. What only a look at the account can tell is in `diagnosis`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """``likely`` is a cause in words, "" when only the remedy is known; ``remedy`` is the next thing to do."""

    likely: str
    remedy: str


@dataclass(frozen=True)
class Rule:
    codes: str
    words: str
    cause: Cause

    def fits(self, code: str, message: str) -> bool:
        return bool(re.fullmatch(self.codes, code)) and bool(re.search(self.words, message, re.IGNORECASE))


def _rule(codes: str, likely: str, remedy: str, words: str = "") -> Rule:
    return Rule(codes, words, Cause(likely, remedy))


RULES = (
    _rule(
        "NodeCreationFailure",
        "the nodes cannot reach the cluster's API or the Internet: no route to the Internet, no public address, a "
        "closed security group, or a node role without EKS's policies",
        "look at the nodes' subnets, route tables and security groups",
    ),
    _rule(
        "AsgInstanceLaunchFailures|InsufficientInstanceCapacity",
        "AWS has no such instances left in a zone",
        "leave the zone out (network.availability_zones), or name further types (nodes.*.instance_types)",
        "capacity",
    ),
    _rule(
        "AsgInstanceLaunchFailures|VcpuLimitExceeded|InstanceLimitExceeded",
        "the account's quota of running instances is reached",
        "ask for more in Service Quotas: ec2, L-1216C47A (Running On-Demand Standard instances)",
        "quota|limit|vcpu",
    ),
    _rule(
        "UnsupportedAvailabilityZoneException",
        "EKS has no room for a control plane in one of the zones",
        "name other zones in network.availability_zones",
    ),
    _rule(
        "InsufficientFreeAddresses.*|InsufficientIpCapacity",
        "a subnet has no free addresses: EKS needs at least 6 in each of its subnets",
        "free addresses in the subnet, or use a larger network.cidr",
    ),
    _rule(
        "InsufficientCacheClusterCapacity",
        "ElastiCache has no such nodes left in a zone",
        "choose another redis.node_type, or leave the zone out (network.availability_zones)",
    ),
    _rule(
        "InvalidParameterException|InvalidRequestException|InvalidParameter|IamNodeRoleNotFound",
        "the role's trust policy does not name the service that is to use it, or somebody deleted the role",
        "see the role as it is and as it should be: livekit-deploy plan",
        "role|assume",
    ),
    _rule(
        "CAA_ERROR",
        "a CAA record of the domain does not let Amazon issue certificates",
        "add amazon.com to the CAA records of the domain, or remove them",
    ),
    _rule(
        "ADDITIONAL_VERIFICATION_REQUIRED|DOMAIN_NOT_ALLOWED|INVALID_PUBLIC_DOMAIN",
        "ACM does not issue certificates for this domain",
        "use a public domain of your own in livekit.domain, or name a certificate's ARN",
    ),
    _rule(
        "ConfigurationConflict",
        "something in the cluster that is not the add-on's owns the same objects or fields",
        "remove them from the cluster, or drop the setting from cluster.addons",
    ),
    _rule(
        "AddonPermissionFailure|AccessDenied",
        "the add-on's or the cluster's role lacks a right",
        "look at the role's policies",
        "role|permission",
    ),
    _rule(
        "ServiceLinkedRoleNotFoundFault",
        "the service's linked role is new in this account and has not spread yet",
        "run it again in a minute",
    ),
    _rule(
        "KMSInvalidStateException|KmsKeyDisabled|KmsKeyMarkedForDeletion|KmsKeyNotFound",
        "the KMS key is disabled or scheduled for deletion",
        "enable the key, or cancel its deletion",
    ),
)

#: AWS code, or code and operation where the code is the same for many → (what is counted, service, quota code)
_QUOTAS = {
    "VpcLimitExceeded": ("VPCs per Region", "vpc", "L-F678F1CE"),
    "InternetGatewayLimitExceeded": ("Internet gateways per Region", "vpc", "L-A4707A72"),
    "NatGatewayLimitExceeded": ("NAT gateways per Availability Zone", "vpc", "L-FE5A380F"),
    "AddressLimitExceeded": ("EC2-VPC Elastic IPs", "ec2", "L-0263D0A3"),
    "SubnetLimitExceeded": ("Subnets per VPC", "vpc", "L-407747CB"),
    "RouteTableLimitExceeded": ("Route tables per VPC", "vpc", "L-589F43AA"),
    "SecurityGroupLimitExceeded": ("VPC security groups per Region", "vpc", "L-E79EC296"),
    "RulesPerSecurityGroupLimitExceeded": ("Inbound or outbound rules per security group", "vpc", "L-0EA8095F"),
    "VpcEndpointLimitExceeded": ("Gateway VPC endpoints per Region", "vpc", "L-1B52E74A"),
    "CreateCluster": ("Clusters", "eks", "L-1194D53C"),
    "CreateNodegroup": ("Managed node groups per cluster", "eks", "L-6D54EA21"),
    "CreateRole": ("Roles per account", "iam", "L-FE177D64"),
    "CreatePolicy": ("Customer managed policies per account", "iam", "L-E95E4862"),
    "RequestCertificate": ("ACM certificates", "acm", "L-F141DD1D"),
    "NodeQuotaForCustomerExceeded": ("Nodes per Region", "elasticache", "L-DFE45DF3"),
}


def cause_of(code: str, message: str) -> Cause | None:
    """What is likely behind an error with this code and these words."""
    return next((rule.cause for rule in RULES if rule.fits(code, message)), None)


def quota_of(code: str, operation: str) -> Cause:
    """Which quota is reached, and the command that asks for more of it."""
    found = _QUOTAS.get(code) or _QUOTAS.get(operation)
    if found is None:
        return Cause("", "ask for a higher quota in Service Quotas, or delete what is no longer needed")
    name, service, quota = found
    return Cause(
        f"the quota {name!r} is reached ({service}, {quota})",
        f"ask for more: aws service-quotas request-service-quota-increase --service-code {service} "
        f"--quota-code {quota} --desired-value N, or delete what is no longer needed",
    )
