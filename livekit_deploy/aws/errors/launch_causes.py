"""Why instances of a node group do not start: EC2's and Auto Scaling's messages, specific ones first.

EKS gives their words on under codes of its own; a launch that EC2 itself refuses has its code. Remedies are ones that
a cluster that runs allows: its zones and its network are fixed. Sources: Amazon EC2 Auto Scaling user guide,
"Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures" and "Required AWS KMS key policy for use with
encrypted volumes"; EKS API reference, Issue; Amazon EC2 API reference, error codes; Spot user guide, "Spot request
status".
"""

from __future__ import annotations

from livekit_deploy.aws.errors.rules import rule

_ASK = (
    "ask for more: aws service-quotas request-service-quota-increase --service-code {} --quota-code {} "
    "--desired-value N"
)
_LAUNCH = "AsgInstanceLaunchFailures|NodeCreationFailure|Unknown"
_KEY = (
    "let the policy of the key for EBS encryption admit the role AWSServiceRoleForAutoScaling (kms:CreateGrant and "
    "use), enable the key, or encrypt with AWS's own: aws ec2 reset-ebs-default-kms-key-id"
)

NO_ADDRESSES = "a subnet has no free addresses: EKS needs at least 6 in each of its subnets, a node at least one"
FREE_ADDRESSES = (
    "free addresses in the subnet: use fewer nodes, or delete unused network interfaces (network.cidr cannot change)"
)

LAUNCHES = (
    rule(
        f"{_LAUNCH}|VcpuLimitExceeded",
        "the account's quota of vCPUs for running instances is reached; it is small in a new account",
        f"{_ASK.format('ec2', 'L-1216C47A')}, or use fewer or smaller nodes (nodes.*.max, nodes.*.instance_types)",
        "vcpu",
        "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your "
        "current vCPU limit of 5 allows for the instance bucket that the specified instance type belongs to.",
    ),
    rule(
        f"{_LAUNCH}|MaxSpotInstanceCountExceeded",
        "the account's quota of vCPUs for Spot instances is reached",
        f"{_ASK.format('ec2', 'L-34B43A08')}, or set nodes.*.capacity to on_demand",
        "MaxSpotInstanceCountExceeded|spot instance count",
        "Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance count exceeded.",
    ),
    rule(
        f"{_LAUNCH}|SpotMaxPriceTooLow",
        "Spot instances cost more than the highest price that is set for them",
        "set nodes.*.capacity to on_demand, or name further types (nodes.*.instance_types)",
        "SpotMaxPriceTooLow|spot request price",
        "Your Spot request price of 0.04 is lower than the minimum required Spot request fulfillment price of 0.08.",
    ),
    rule(
        f"{_LAUNCH}|UnfulfillableCapacity|InsufficientInstanceCapacity|NoSpotCapacity",
        "AWS has no Spot instances of these types left in a zone",
        "name further types (nodes.*.instance_types), set nodes.*.capacity to on_demand, or run it again later",
        "no spot capacity|UnfulfillableCapacity",
        "Could not launch Spot Instances. UnfulfillableCapacity - There is no Spot capacity available that matches "
        "your request.",
    ),
    rule(
        f"{_LAUNCH}|InsufficientInstanceCapacity|InsufficientHostCapacity",
        "AWS has no such instances left in a zone at the moment",
        "name further types (nodes.*.instance_types), or run it again later",
        r"sufficient (\S+ )?capacity|InsufficientInstanceCapacity",
        "We currently do not have sufficient c6i.large capacity in the Availability Zone you requested (us-east-1a).",
    ),
    rule(
        f"{_LAUNCH}|Unsupported|InstanceTypeNotSupported",
        "AWS does not offer this type of instance in a zone, or not with these settings",
        "choose other types (nodes.*.instance_types): livekit-deploy prerequisites says which each zone offers",
        "not supported|unsupported",
        "Your requested instance type (c7i.large) is not supported in your requested Availability Zone (us-east-1e).",
    ),
    rule(
        f"{_LAUNCH}|InvalidParameterCombination",
        "the account is on AWS's free plan, which launches only the types that it names",
        "upgrade the account's plan in the AWS console (Billing), and run the same command again",
        "free tier",
        "The specified instance type is not eligible for Free Tier.",
    ),
    rule(
        rf"{_LAUNCH}|InvalidKMSKey\.InvalidState",
        "the key that the account encrypts its volumes with is disabled, or does not admit Auto Scaling",
        _KEY,
        "InvalidKMSKey|KMS key provided",
        "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: "
        "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state",
    ),
    rule(
        rf"{_LAUNCH}|Client\.InternalError",
        "EC2 could not make the encrypted volume: the account's key for EBS encryption does not admit Auto Scaling",
        _KEY,
        r"Client\.InternalError",
        "Termination Reason: Client.InternalError: Client error on launch",
    ),
    rule(
        rf"{_LAUNCH}|VolumeLimitExceeded|Client\.VolumeLimitExceeded",
        "the account's quota of EBS storage is reached",
        f"{_ASK.format('ebs', 'L-7A658B76')} (gp3, TiB), or use fewer nodes or a smaller nodes.*.disk_gib",
        "volume limit|VolumeLimitExceeded",
        "Termination Reason: Client.VolumeLimitExceeded: Volume limit exceeded",
    ),
    rule(
        f"{_LAUNCH}|InvalidBlockDeviceMapping",
        "the disk is smaller than the image of the nodes",
        "set a larger nodes.*.disk_gib",
        "smaller than snapshot",
        "InvalidBlockDeviceMapping: Volume of size 10GB is smaller than snapshot 'snap-1', expect size >= 20GB",
    ),
    rule(
        _LAUNCH,
        NO_ADDRESSES,
        FREE_ADDRESSES,
        "InsufficientFreeAddresses|enough free addresses",
        "InsufficientFreeAddressesInSubnet: There are not enough free addresses in subnet 'subnet-1' to satisfy the "
        "requested number of instances.",
    ),
    rule(
        f"{_LAUNCH}|UnauthorizedOperation",
        "the service role of Auto Scaling, or an organization's policy, does not allow the launch",
        "look at the organization's policies (SCPs) and declarative policies for EC2, and at the launch template",
        "not authorized|UnauthorizedOperation|explicit deny",
        "UnauthorizedOperation: You are not authorized to perform this operation.",
    ),
    rule(
        f"{_LAUNCH}|PendingVerification|Blocked|OptInRequired|AutoScalingGroupOptInRequired",
        "AWS has not verified the account yet, or has blocked it",
        "wait for the mail that confirms it, or ask AWS's support",
        "verif|validat|blocked|OptIn|subscribed",
        "Your request for accessing resources in this region is being validated, and you will not be able to launch "
        "additional resources in this region until the validation is complete.",
    ),
    rule(
        rf"{_LAUNCH}|AmiIdNotFound|InvalidAMIID\.\w+",
        "the image of the nodes is gone or is not offered here",
        "run the same command again: EKS takes the newest image of its version",
        r"\bami\b|AmiId|image",
        "The image id '[ami-1]' does not exist",
    ),
    rule(
        f"{_LAUNCH}|InstanceLimitExceeded",
        "the account's quota of running instances is reached",
        f"{_ASK.format('ec2', 'L-1216C47A')}, or use fewer nodes (nodes.*.max)",
        "instance limit|InstanceLimitExceeded|more instances",
        "InstanceLimitExceeded: You have requested more instances (3) than your current instance limit of 2 allows.",
    ),
)
