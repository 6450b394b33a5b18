"""The likely cause of an AWS error and its remedy: one table, by AWS's code and message.

Sources: EKS user guide, "Troubleshooting" and "Network requirements"; ElastiCache, ACM and VPC user guides; the quotas
as Service Quotas names them. What only a look at the account can tell is in `diagnosis`.
"""

from __future__ import annotations

from livekit_deploy.aws.errors.launch_causes import FREE_ADDRESSES, LAUNCHES, NO_ADDRESSES
from livekit_deploy.aws.errors.rules import Cause, rule

_AGAIN = "run the same command again; if it stays, AWS's support can tell more"
_GONE = "put back what is missing (livekit-deploy plan shows which of our resources are gone, and up makes them again)"
_NODES = "look at the nodes' subnets, route tables and security groups"
_LAUNCH_TEMPLATE = (
    "undo changes to the environment's launch templates: livekit-deploy plan shows what differs, up corrects it"
)
_GROUP = (
    "delete the node group in EKS and run the same command again, which makes another: its calls end with its nodes"
)

_NODE_GROUPS = (
    rule(
        "NodeCreationFailure",
        "the nodes cannot reach the cluster's API or the Internet: no route to the Internet, no public address, a "
        "closed security group, or a node role without EKS's policies",
        _NODES,
    ),
    rule("AsgInstanceLaunchFailures", "EC2 could not start an instance, for the reason that AWS gives", _NODES),
    rule("InsufficientFreeAddresses.*|InsufficientIpCapacity|IpNotAvailable", NO_ADDRESSES, FREE_ADDRESSES),
    rule(
        "Ec2InstanceTypeDoesNotExist",
        "AWS does not offer this type of instance here",
        "choose other types (nodes.*.instance_types): livekit-deploy prerequisites says which each zone offers",
    ),
    rule("AutoScalingGroupNotFound", "somebody deleted the node group's Auto Scaling group", _GROUP),
    rule(
        "AutoScalingGroupInvalidConfiguration",
        "somebody changed the node group's Auto Scaling group",
        "undo the change in Auto Scaling: EKS alone keeps that group",
    ),
    rule(
        "AutoScalingGroupRateLimitExceeded|IamThrottling",
        "AWS asks EKS to slow down in this account",
        "run the same command again later",
    ),
    rule(
        "AutoScalingGroupInstanceRefreshActive",
        "somebody refreshes the instances of the group",
        "wait until that is over, or cancel it: aws autoscaling cancel-instance-refresh --auto-scaling-group-name NAME",
    ),
    rule(
        "Ec2LaunchTemplateNotFound|Ec2LaunchTemplateVersionMismatch|Ec2LaunchTemplateInvalidConfiguration|"
        "SourceEc2LaunchTemplateNotFound",
        "somebody deleted or changed a launch template of the node group",
        _LAUNCH_TEMPLATE,
    ),
    rule(
        "Ec2LaunchTemplateMaxLimitExceeded|Ec2LaunchTemplateVersionMaxLimitExceeded",
        "the account has reached its limit of launch templates, or of versions of one",
        "delete those that nobody uses (aws ec2 describe-launch-templates)",
    ),
    rule(
        "Ec2LaunchTemplateDeletionFailure|Ec2SecurityGroupDeletionFailure",
        "something else uses what EKS made for the group",
        "find out what uses it, remove that, and run the same command again",
    ),
    rule(
        "Ec2SecurityGroupNotFound|Ec2SubnetNotFound|SecurityGroupNotFound|SubnetNotFound|VpcNotFound|VpcIdNotFound",
        "somebody deleted a part of the network",
        _GONE,
    ),
    rule(
        "Ec2SubnetInvalidConfiguration|Ec2SubnetMissingIpv6Assignment|Ec2SubnetListTooLong",
        "the subnets are not as EKS needs them, for instance without public addresses for the nodes",
        "let the subnets give public addresses (livekit-deploy plan shows what differs)",
    ),
    rule(
        "IamInstanceProfileNotFound|IamNodeRoleNotFound|IamRoleNotFound|ResourceNotFound",
        "somebody deleted the role, or what EKS made from it",
        _GONE,
    ),
    rule(
        "IamLimitExceeded",
        "the account has reached its limit of instance profiles",
        "delete those that nobody uses (aws iam list-instance-profiles), or ask for more in Service Quotas: iam",
    ),
    rule(
        "EniLimitReached|LimitExceeded|ResourceLimitExceeded",
        "a quota of the account is reached",
        "ask for a higher quota in Service Quotas, or delete what is no longer needed",
    ),
    rule(
        "ClusterUnreachable",
        "EKS or the nodes cannot reach the cluster's API",
        "see whether somebody closed its private endpoint or changed its security group: livekit-deploy plan",
    ),
    rule(
        "NodeTerminationFailure|PodEvictionFailure",
        "pods do not leave the nodes: a disruption budget, or a pod that does not end",
        "see which: kubectl get pods -A -o wide, kubectl get pdb -A",
    ),
    rule(
        "KubernetesLabelInvalid",
        "Kubernetes does not accept a label of the node group",
        "internal error: report it with what -vv prints",
    ),
)
_CLUSTERS = (
    rule(
        "UnsupportedAvailabilityZoneException",
        "EKS has no room for a control plane in one of the zones",
        "choose other zones in network.availability_zones, which is possible only before the cluster exists",
    ),
    rule(
        "InvalidParameterException|InvalidRequestException|InvalidParameter",
        "the role's trust policy does not name the service that is to use it, or somebody deleted the role",
        "compare the role with what it should be: livekit-deploy plan",
        "role|assume",
        "Role could not be assumed because the trusted entity is not correct",
    ),
    rule(
        "AddonPermissionFailure|AccessDenied",
        "the role of the add-on, the nodes or the cluster lacks a right, or the cluster does not admit the nodes",
        "look at the role's policies, and at the cluster's access entries (livekit-deploy plan shows what differs)",
    ),
    rule(
        "KmsKeyNotFound",
        "the KMS key is deleted, and with it all that it encrypts",
        "nobody can read the cluster's secrets again: run down and then up",
    ),
    rule(
        "KMSInvalidStateException|KmsKeyDisabled|KmsKeyMarkedForDeletion|KmsGrantRevoked",
        "the KMS key is disabled or scheduled for deletion, or EKS may no longer use it",
        "cancel its deletion and enable it, as up does with a key of ours; AWS's support can restore a grant "
        "that was revoked",
    ),
    rule(
        "Ec2ServiceNotSubscribed",
        "the account may not use EC2",
        "finish the registration of the account in the AWS console",
    ),
    rule(
        "StsRegionalEndpointDisabled",
        "STS is switched off in this region",
        "switch it on: IAM console, account settings, Security Token Service",
    ),
    rule(
        "UnsupportedVersion",
        "EKS no longer runs this version of Kubernetes",
        "set the next version in cluster.version",
    ),
)
_ADDONS = (
    rule(
        "ConfigurationConflict",
        "something else in the cluster owns the same objects or fields as the add-on",
        "remove them from the cluster, or drop the setting from cluster.addons",
    ),
    rule(
        "InsufficientNumberOfReplicas",
        "the add-on's pods do not run: no node has room for them, or their image cannot be pulled",
        "see why: livekit-deploy events, or kubectl get pods -n kube-system",
    ),
    rule(
        "AdmissionRequestDenied",
        "a policy or a webhook of the cluster refuses the add-on's objects",
        "exempt the objects of kube-system from it",
    ),
    rule(
        "UnsupportedAddonModification",
        "the add-on does not allow this change",
        "put the old value back in cluster.addons",
    ),
    rule(
        "K8sResourceNotFound",
        "somebody deleted a part of the add-on in the cluster",
        "run the same command again: EKS installs it again",
    ),
    rule(
        "AddonSubscriptionNeeded",
        "the add-on is sold in AWS Marketplace",
        "subscribe to it there, or drop it from cluster.addons",
    ),
)
_OTHERS = (
    rule(
        "OperationNotPermitted",
        "something protects it, or it belongs to AWS",
        "remove the protection that AWS names, and run the same command again",
    ),
    rule(
        "InsufficientCacheClusterCapacity",
        "ElastiCache has no such nodes left in a zone",
        "choose another redis.node_type, or run it again later",
    ),
    rule(
        "CAA_ERROR",
        "a CAA record of the domain does not let Amazon issue certificates",
        "add amazon.com to the CAA records of the domain, or remove them",
    ),
    rule(
        "ADDITIONAL_VERIFICATION_REQUIRED|DOMAIN_NOT_ALLOWED|INVALID_PUBLIC_DOMAIN|DOMAIN_VALIDATION_DENIED",
        "ACM does not issue certificates for this domain",
        "use a public domain of your own in livekit.domain, or name a certificate's ARN",
    ),
    rule(
        "ServiceLinkedRoleNotFoundFault|SLR_NOT_FOUND",
        "the service's linked role is new in this account and has not propagated yet",
        "run it again in a minute",
    ),
    rule(
        "InternalFailure|Unknown|Other|OTHER|NO_AVAILABLE_CONTACTS|PCA_\\w+",
        "AWS reports a failure and gives no reason",
        _AGAIN,
    ),
)
RULES = (*LAUNCHES, *_NODE_GROUPS, *_CLUSTERS, *_ADDONS, *_OTHERS)

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
    "VcpuLimitExceeded": ("Running On-Demand Standard instances", "ec2", "L-1216C47A"),
    "InstanceLimitExceeded": ("Running On-Demand Standard instances", "ec2", "L-1216C47A"),
    "MaxSpotInstanceCountExceeded": ("All Standard Spot Instance Requests", "ec2", "L-34B43A08"),
    "TooManyBuckets": ("General purpose buckets", "s3", "L-DC2B2D3D"),
    "NodeQuotaForCustomerExceeded": ("Nodes per Region", "elasticache", "L-DFE45DF3"),
}


def cause_of(code: str, message: str) -> Cause | None:
    """What is likely behind an error with this code and these words."""
    return next((one.cause for one in RULES if one.fits(code, message)), None)


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
