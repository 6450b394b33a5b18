"""IAM: policies that cannot be deleted while they are used, AWS's own policies, documents that are read."""

from __future__ import annotations

import json
from typing import Any

from tests.sandbox.corrections.harness import ACCOUNT, ProbedAws, probe, refused


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


_ALL = _document({"Effect": "Allow", "Action": "*", "Resource": "*"})


def _policy(world: ProbedAws, document: str = _ALL) -> str:
    made = world.iam.create_policy(PolicyName=world.name("policy"), PolicyDocument=document)
    return str(made["Policy"]["Arn"])


@probe("IAM")
def policy_that_is_attached(world: ProbedAws) -> None:
    """deletes a policy that is attached to a role

    DeleteConflict
    """
    policy, role = _policy(world), world.role().rpartition("/")[2]
    world.iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    with refused("DeleteConflict"):
        world.iam.delete_policy(PolicyArn=policy)
    world.iam.detach_role_policy(RoleName=role, PolicyArn=policy)
    world.iam.delete_policy(PolicyArn=policy)


@probe("IAM")
def policy_with_versions(world: ProbedAws) -> None:
    """deletes a policy that has other versions than the default one

    DeleteConflict
    """
    policy = _policy(world)
    world.iam.create_policy_version(PolicyArn=policy, PolicyDocument=_ALL, SetAsDefault=True)
    with refused("DeleteConflict"):
        world.iam.delete_policy(PolicyArn=policy)
    world.iam.delete_policy_version(PolicyArn=policy, VersionId="v1")
    world.iam.delete_policy(PolicyArn=policy)


@probe("IAM", fails="NoSuchEntity")
def managed_policies(world: ProbedAws) -> None:
    """has none of AWS's own policies

    those of EKS are there to be attached
    """
    role = world.role().rpartition("/")[2]
    for name in ("AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"):
        world.iam.attach_role_policy(RoleName=role, PolicyArn=f"arn:aws:iam::aws:policy/{name}")


@probe("IAM")
def trust_policy_is_read(world: ProbedAws) -> None:
    """accepts a role whose trust policy is not a policy

    MalformedPolicyDocument
    """
    for text in ("", "{}", "not JSON", _ALL):
        if text:
            with refused("MalformedPolicyDocument"):
                world.iam.create_role(RoleName=world.name("role"), AssumeRolePolicyDocument=text)


@probe("IAM")
def permissions_boundary_exists(world: ProbedAws) -> None:
    """accepts a permissions boundary that there is not

    NoSuchEntity
    """
    missing = f"arn:aws:iam::{ACCOUNT}:policy/{world.name('nothing')}"
    with refused("NoSuchEntity"):
        world.iam.put_role_permissions_boundary(RoleName=world.role().rpartition("/")[2], PermissionsBoundary=missing)
    trust = _document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "eks.amazonaws.com"}})
    with refused("NoSuchEntity"):
        world.iam.create_role(RoleName=world.name("role"), AssumeRolePolicyDocument=trust, PermissionsBoundary=missing)


def _decisions(said: dict[str, Any]) -> dict[str, str]:
    return {one["EvalActionName"]: one["EvalDecision"] for one in said["EvaluationResults"]}


@probe("IAM", fails="NotImplementedError")
def custom_policy_is_simulated(world: ProbedAws) -> None:
    """cannot simulate a policy

    says of each action whether it is allowed; a Deny wins; wildcards, resources and conditions count
    """
    allow = {"Effect": "Allow", "Action": ["ec2:Describe*", "eks:*", "s3:PutObject"], "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "eks:DeleteCluster", "Resource": "arn:aws:eks:*:*:cluster/prod-?"}
    tagged = {
        "Effect": "Allow",
        "Action": "ec2:DeleteVpc",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/env": ["uat", "dev"]}},
    }

    def simulate(actions: list[str], resource: str = "*", env: str | None = None) -> dict[str, str]:
        context = [{"ContextKeyName": "aws:ResourceTag/env", "ContextKeyValues": [env], "ContextKeyType": "string"}]
        said = world.iam.simulate_custom_policy(
            PolicyInputList=[_document(allow, tagged), _document(deny)],
            ActionNames=actions,
            ResourceArns=[resource],
            ContextEntries=context if env else [],
        )
        return _decisions(said)

    assert simulate(["ec2:DescribeVpcs", "EC2:describevpcs", "ec2:CreateVpc"]) == {
        "ec2:DescribeVpcs": "allowed",
        "EC2:describevpcs": "allowed",
        "ec2:CreateVpc": "implicitDeny",
    }
    cluster = "arn:aws:eks:us-east-1:123456789012:cluster/"
    assert simulate(["eks:DeleteCluster"], f"{cluster}prod-1") == {"eks:DeleteCluster": "explicitDeny"}
    assert simulate(["eks:DeleteCluster"], f"{cluster}uat") == {"eks:DeleteCluster": "allowed"}
    assert simulate(["ec2:DeleteVpc"], env="uat") == {"ec2:DeleteVpc": "allowed"}
    assert simulate(["ec2:DeleteVpc"], env="prod") == {"ec2:DeleteVpc": "implicitDeny"}
    assert simulate(["ec2:DeleteVpc"]) == {"ec2:DeleteVpc": "implicitDeny"}


@probe("IAM", fails="NotImplementedError")
def principal_policy_is_simulated(world: ProbedAws) -> None:
    """cannot simulate the policies of a user or role

    those attached, its own and its permissions boundary, all together
    """
    arn = world.role()
    role = arn.rpartition("/")[2]
    attached = _policy(world, _document({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}))
    boundary = _policy(world, _document({"Effect": "Allow", "Action": ["ec2:*"], "Resource": "*"}))
    inline = _document({"Effect": "Allow", "Action": "eks:ListClusters", "Resource": "*"})
    world.iam.attach_role_policy(RoleName=role, PolicyArn=attached)
    world.iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=inline)
    asked = {"PolicySourceArn": arn, "ActionNames": ["ec2:CreateVpc", "eks:ListClusters", "iam:GetRole"]}
    assert _decisions(world.iam.simulate_principal_policy(**asked)) == {
        "ec2:CreateVpc": "allowed",
        "eks:ListClusters": "allowed",
        "iam:GetRole": "implicitDeny",
    }
    world.iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary)
    assert _decisions(world.iam.simulate_principal_policy(**asked))["eks:ListClusters"] == "implicitDeny"
    caller = world.sts.get_caller_identity()["Arn"]
    own = world.iam.simulate_principal_policy(PolicySourceArn=caller, ActionNames=["ec2:CreateVpc"])
    assert _decisions(own) == {"ec2:CreateVpc": "allowed"}
    with refused("NoSuchEntity"):
        world.iam.simulate_principal_policy(PolicySourceArn=f"{arn}-not", ActionNames=["ec2:CreateVpc"])
