"""IAM: the environment's roles and policies, its OIDC provider, and which role may be passed to which service."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.aws.access.naming import fit
from livekit_deploy.aws.kinds.iam.roles import ROLE_NAME
from livekit_deploy.permissions.statement import Scope, Statement
from livekit_deploy.provisioners.roles import CLUSTER_POLICIES, NODE_POLICIES

_ROLE_READS = ("ListAttachedRolePolicies", "ListRolePolicies", "ListInstanceProfilesForRole")
_ROLE_CHANGES = ("UpdateAssumeRolePolicy", "DetachRolePolicy", "DeleteRolePolicy", "DeleteRole")
_POLICY_CHANGES = ("CreatePolicyVersion", "DeletePolicyVersion", "DeletePolicy")
_SERVICES = {
    "eks.amazonaws.com": "eks.amazonaws.com/AWSServiceRoleForAmazonEKS",
    "eks-nodegroup.amazonaws.com": "eks-nodegroup.amazonaws.com/AWSServiceRoleForAmazonEKSNodegroup",
    "elasticache.amazonaws.com": "elasticache.amazonaws.com/AWSServiceRoleForElastiCache",
}


def statements(scope: Scope) -> Iterator[Statement]:
    """Roles and policies whose names begin with the environment's prefix, and no others."""
    roles, policies = [scope.iam("role", f"{scope.prefix}-*")], [scope.iam("policy", f"{scope.prefix}-*")]
    boundary = scope.env.iam.permissions_boundary
    fenced = {"iam:PermissionsBoundary": boundary} if boundary else {}
    # the caller's own role is looked up as well: an access entry names the role, not its session; and so are admins
    every = [f"arn:{scope.partition}:iam::{scope.account}:role/*"]
    yield Statement("IamList", "iam", ("ListRoles", "ListPolicies", "ListOpenIDConnectProviders"))
    yield Statement("IamLookAtRoles", "iam", ("GetRole",), every)
    yield Statement("IamLookAtUsers", "iam", ("GetUser",), [f"arn:{scope.partition}:iam::{scope.account}:user/*"])
    yield Statement("IamLookIntoRoles", "iam", _ROLE_READS, roles)
    making = {"StringEquals": {**scope.tagging["StringEquals"], **fenced}}
    yield Statement("IamMakeRoles", "iam", ("CreateRole",), roles, making)
    yield Statement("IamTagRoles", "iam", ("TagRole",), roles, scope.marking)
    yield Statement("IamChangeRoles", "iam", _ROLE_CHANGES, roles, scope.tagged)
    attachable = [*(_aws(scope, name) for name in (*CLUSTER_POLICIES, *NODE_POLICIES)), *policies]
    attaching = {**scope.tagged, "ArnLike": {"iam:PolicyARN": attachable}}
    yield Statement("IamAttach", "iam", ("AttachRolePolicy",), roles, attaching)
    if boundary:
        fencing = {"StringEquals": {**scope.tagged["StringEquals"], **fenced}}
        yield Statement("IamFence", "iam", ("PutRolePermissionsBoundary",), roles, fencing)
    else:  # one that somebody else gave to a role of ours
        yield Statement("IamUnfence", "iam", ("DeleteRolePermissionsBoundary",), roles, scope.tagged)
    yield Statement("IamMakePolicies", "iam", ("CreatePolicy", "TagPolicy"), policies, scope.marking)
    yield Statement("IamLookAtPolicies", "iam", ("GetPolicy", "GetPolicyVersion", "ListPolicyVersions"), policies)
    yield Statement("IamChangePolicies", "iam", _POLICY_CHANGES, policies, scope.tagged)
    yield from _provider(scope)
    yield from _given_to_services(scope)


def _aws(scope: Scope, name: str) -> str:
    return f"arn:{scope.partition}:iam::aws:policy/{name}"


def _provider(scope: Scope) -> Iterator[Statement]:
    """The provider is named by the cluster's issuer, which EKS draws."""
    arns = [f"arn:{scope.partition}:iam::{scope.account}:oidc-provider/oidc.eks.{scope.env.region}.*/id/*"]
    making = ("CreateOpenIDConnectProvider", "TagOpenIDConnectProvider")
    yield Statement("IamMakeProvider", "iam", making, arns, scope.marking)
    yield Statement("IamLookAtProvider", "iam", ("GetOpenIDConnectProvider",), arns)
    yield Statement("IamDeleteProvider", "iam", ("DeleteOpenIDConnectProvider",), arns, scope.tagged)


def _given_to_services(scope: Scope) -> Iterator[Statement]:
    """By their whole names: IAM asks for no tags here, and ``livekit-uat-*`` would also be a role of uat-eu."""
    takers, names = ["eks.amazonaws.com", "ec2.amazonaws.com"], ["cluster", "node"]
    if scope.env.network.flow_logs:
        takers.append("vpc-flow-logs.amazonaws.com")
        names.append("flow-logs")
    roles = [scope.iam("role", fit(f"{scope.prefix}-{name}", ROLE_NAME)) for name in names]
    of_addons = sorted({one.role for one in scope.env.cluster.addons.values() if one.role})
    yield Statement(
        "IamPass", "iam", ("PassRole",), [*roles, *of_addons], {"StringEquals": {"iam:PassedToService": takers}}
    )
    linked = [f"arn:{scope.partition}:iam::{scope.account}:role/aws-service-role/{name}" for name in _SERVICES.values()]
    yield Statement(
        "IamServiceLinkedRoles",
        "iam",
        ("CreateServiceLinkedRole",),
        linked,
        {"StringEquals": {"iam:AWSServiceName": list(_SERVICES)}},
    )
