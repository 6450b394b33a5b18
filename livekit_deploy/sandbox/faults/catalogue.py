"""The faults by name: what each does, and how each service reports it.

Sources: the common errors of each service's API reference; botocore's retry definitions for the throttling codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Effect(StrEnum):
    """What a fault does to the call that meets it."""

    REFUSE = "refuse"  # an error is the answer, and nothing happens
    LOSE_REQUEST = "lose request"  # the connection ends before anything happens
    LOSE_ANSWER = "lose answer"  # it happens, and the connection ends before the answer
    HANG = "hang"  # no answer within the caller's time limit, and nothing happens
    HIDE = "hide"  # what the call makes is not seen by the next reads
    LATE = "late"  # a list is behind what is there
    FAIL = "fail"  # what the call makes ends in a failed state
    DEGRADE = "degrade"  # what the call touches continues, and something is wrong with it
    STOP = "stop"  # a pod ends and does not come up again
    REFUSE_HERE = "refuse here"  # the cluster's API server refuses a request, and nothing happens
    SILENCE = "silence"  # the cluster's API server says nothing for a while, and then continues


@dataclass(frozen=True)
class Kind:
    """One fault: ``codes`` maps boto3's name of a service, or of service:Operation, to AWS's code; "" is for all.

    ``call`` and ``where`` are what it strikes when the plan does not say. ``texts`` are what AWS says in an operation,
    in turn, where it has several words for the same.
    """

    effect: Effect
    about: str
    call: str = "*:*"
    status: int = 400
    codes: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def said(self, service: str, operation: str, turn: int) -> str:
        """AWS's words for it in a call, at the so-and-so-many-eth strike, from 0."""
        texts = self.texts.get(f"{service}:{operation}", (self.message,))
        return texts[turn % len(texts)]

    def code(self, service: str, operation: str) -> str:
        """AWS's error code for it in a call."""
        return self.codes.get(f"{service}:{operation}") or self.codes.get(service) or self.codes.get("", "")


_JSON = ("eks", "acm", "kms", "logs", "secretsmanager", "resourcegroupstaggingapi", "service-quotas", "pricing")


def _json(code: str) -> dict[str, str]:
    return dict.fromkeys(_JSON, code)


_NO_POLICIES = (
    "The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the following "
    "policies [{}] are attached"
)

CATALOGUE: Mapping[str, Kind] = {
    "throttling": Kind(
        Effect.REFUSE,
        "AWS asks to slow down",
        codes={"": "Throttling", "ec2": "RequestLimitExceeded", "s3": "SlowDown", **_json("ThrottlingException")},
        message="Rate exceeded",
    ),
    "error-500": Kind(
        Effect.REFUSE,
        "an internal error of AWS",
        status=500,
        codes={"": "InternalFailure", "ec2": "InternalError", "s3": "InternalError", "eks": "ServerException"},
        message="An internal error has occurred",
    ),
    "error-503": Kind(
        Effect.REFUSE,
        "AWS is not available",
        status=503,
        codes={"": "ServiceUnavailable", "ec2": "Unavailable", "eks": "ServiceUnavailableException"},
        message="The service is unavailable. Please try again shortly.",
    ),
    "reset-before": Kind(Effect.LOSE_REQUEST, "the connection is lost before the call takes effect"),
    "reset-after": Kind(Effect.LOSE_ANSWER, "the call takes effect, and its answer is lost"),
    "hang": Kind(Effect.HANG, "no answer within the time limit"),
    "denied": Kind(
        Effect.REFUSE,
        "the principal lacks the right",
        status=403,
        codes={"": "AccessDenied", "ec2": "UnauthorizedOperation", **_json("AccessDeniedException")},
        message="User: {principal} is not authorized to perform: {action} on resource: * because no identity-based "
        "policy allows the {action} action",
    ),
    "expired": Kind(
        Effect.REFUSE,
        "the credentials have run out",
        status=403,
        codes={"": "ExpiredToken", "ec2": "RequestExpired", **_json("ExpiredTokenException")},
        message="The security token included in the request is expired",
    ),
    "quota": Kind(
        Effect.REFUSE,
        "a service quota is reached",
        codes={
            "": "LimitExceeded",
            **_json("LimitExceededException"),
            "ec2:CreateVpc": "VpcLimitExceeded",
            "ec2:CreateSubnet": "SubnetLimitExceeded",
            "ec2:CreateInternetGateway": "InternetGatewayLimitExceeded",
            "ec2:AllocateAddress": "AddressLimitExceeded",
            "ec2:CreateNatGateway": "NatGatewayLimitExceeded",
            "ec2:CreateRouteTable": "RouteTableLimitExceeded",
            "ec2:CreateVpcEndpoint": "VpcEndpointLimitExceeded",
            "ec2:CreateSecurityGroup": "SecurityGroupLimitExceeded",
            "ec2:AuthorizeSecurityGroupIngress": "RulesPerSecurityGroupLimitExceeded",
            "ec2:CreateFlowLogs": "FlowLogsLimitExceeded",
            "eks": "ResourceLimitExceededException",
            "elasticache:CreateReplicationGroup": "NodeQuotaForCustomerExceeded",
            "elasticache:CreateCacheParameterGroup": "CacheParameterGroupQuotaExceeded",
            "elasticache:CreateCacheSubnetGroup": "CacheSubnetGroupQuotaExceeded",
        },
        message="The maximum number allowed for this account has been reached",
    ),
    "role-not-ready": Kind(
        Effect.REFUSE,
        "an IAM role that was made a moment ago has not propagated yet",
        call="eks:CreateCluster",
        codes={"": "InvalidParameterException", "ec2": "InvalidParameter", "iam": "MalformedPolicyDocument"},
        message="The role could not be assumed, or invalid principal in policy: it does not exist or the trusted "
        "entity is not correct",
        texts={
            "eks:CreateCluster": (
                "roleArn, arn:aws:iam::123456789012:role/cluster, does not exist",
                "Error in role params",
                "Role could not be assumed because the trusted entity is not correct",
                _NO_POLICIES.format("AmazonEKSClusterPolicy"),
                "IAM role's policy must include the `ec2:DescribeSubnets` action",
            ),
            "eks:CreateNodegroup": (
                "The role with name nodes cannot be found. (Service: AmazonIdentityManagement; Code: NoSuchEntity)",
                "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships "
                "of nodeRole arn:aws:iam::123456789012:role/nodes",
                _NO_POLICIES.format("AmazonEKSWorkerNodePolicy"),
            ),
            "eks:CreateAddon": (
                "Role provided in the request does not exist.",
                "Cross-account pass role is not allowed, or the role does not exist",
            ),
            "eks:CreateAccessEntry": ("The specified principalArn is invalid: invalid principal.",),
            "ec2:CreateFlowLogs": ("Unable to assume given IAM role",),
        },
    ),
    "not-visible": Kind(Effect.HIDE, "new objects are missing from reads for a while (times: how many)"),
    "late-lists": Kind(
        Effect.LATE,
        "lists are out of date: new objects are missing, changed and deleted ones are shown as they were (reads: "
        "for how many answers of each list)",
    ),
    "not-found": Kind(
        Effect.REFUSE,
        "something that the call refers to, made a moment ago, has not propagated yet",
        codes={
            "": "NoSuchEntity",
            "ec2": "InvalidVpcID.NotFound",
            "elasticache": "InvalidSubnet",
            **_json("ResourceNotFoundException"),
        },
        message="The thing that the call refers to does not exist",
    ),
    "fails": Kind(
        Effect.FAIL,
        "what a call makes ends in a failed state",
        call="eks:CreateNodegroup",
        codes={
            "": "InternalFailure",
            "eks:CreateCluster": "InsufficientFreeAddresses",
            "eks:CreateNodegroup": "NodeCreationFailure",
            "eks:CreateAddon": "ConfigurationConflict",
            "elasticache:CreateReplicationGroup": "InsufficientCacheClusterCapacity",
            "acm:RequestCertificate": "CAA_ERROR",
            "ec2:CreateNatGateway": "InsufficientFreeAddressesInSubnet",
        },
        message="AWS could not bring it up",
    ),
    "no-capacity": Kind(
        Effect.FAIL,
        "a zone (where: {zone: us-east-1a}) has no capacity left",
        call="eks:CreateNodegroup",
        codes={
            "": "InsufficientInstanceCapacity",
            "eks:CreateNodegroup": "AsgInstanceLaunchFailures",
            "elasticache:CreateReplicationGroup": "InsufficientCacheClusterCapacity",
        },
        message="Could not launch instances. InsufficientInstanceCapacity - We currently do not have sufficient "
        "capacity in the Availability Zone you requested",
    ),
    "degraded": Kind(
        Effect.DEGRADE,
        "a node group, an add-on or a cluster goes on, and EKS reports an issue (code: any of its codes) of its "
        "health: of a node group until it has launched instances, of an add-on until it is updated",
        call="eks:UpdateNodegroupConfig",
        codes={
            "": "AsgInstanceLaunchFailures",
            **dict.fromkeys((f"eks:{verb}Addon" for verb in ("Create", "Update", "Describe")), "AccessDenied"),
            "eks:DescribeCluster": "Ec2SubnetNotFound",
        },
        message="Could not launch instances: something is wrong",
    ),
    "token-refused": Kind(
        Effect.REFUSE_HERE,
        "the cluster's API server does not know the token (times: 1: once)",
        call="kubernetes:*",
        status=401,
        message="Unauthorized",
    ),
    "api-busy": Kind(
        Effect.REFUSE_HERE,
        "the cluster's API server has too many requests, and asks for a second of patience",
        call="kubernetes:*",
        status=429,
        message="Too many requests, please try again later.",
    ),
    "etcd-lost": Kind(
        Effect.REFUSE_HERE,
        "the cluster's API server has lost its database for a moment",
        call="kubernetes:*",
        status=500,
        message="etcdserver: leader changed",
    ),
    "api-silent": Kind(
        Effect.SILENCE,
        "the cluster's API server is silent for a while (seconds: 15, of AWS's time), and then does what it was asked",
        call="kubernetes:*",
    ),
    "dead-controller": Kind(
        Effect.STOP,
        "the pods of an app (where: {app: NAME}), by default the load balancer controller, crash",
        call="kubernetes:StartPod",
        where={"app": "aws-load-balancer-controller"},
        message="back-off 5m0s restarting failed container",
    ),
    "missing-image": Kind(
        Effect.STOP,
        "an image (where: {image: NAME}), by default LiveKit's, cannot be pulled",
        call="kubernetes:PullImage",
        where={"image": "*livekit-server*"},
        message="rpc error: code = NotFound desc = failed to pull and unpack image: not found",
    ),
}
