"""Who may use the cluster."""

from __future__ import annotations

import boto3
import pytest

from livekit_deploy.errors import NotOurs
from tests.aws.eks.clusters import NAME, TRUST, access, principal
from tests.aws.rig import AwsRig


def entries() -> dict[str, list[str]]:
    eks = boto3.client("eks")
    found = {}
    for arn in eks.list_access_entries(clusterName=NAME)["accessEntries"]:
        policies = eks.list_associated_access_policies(clusterName=NAME, principalArn=arn)["associatedAccessPolicies"]
        found[arn] = sorted(item["policyArn"].rpartition("/")[2] for item in policies)
    return found


def test_admins_and_whoever_made_the_cluster_have_access(rig: AwsRig, subnets: list[str]) -> None:
    platform = principal("platform")
    rig.up(access(subnets, platform))
    maker = rig.outputs("eks.cluster/main")["creator"]
    assert entries() == {maker: ["AmazonEKSClusterAdminPolicy"], platform: ["AmazonEKSClusterAdminPolicy"]}
    assert rig.plan(access(subnets, platform)).changes == ()


def test_policies_of_an_entry_change_one_by_one(rig: AwsRig, subnets: list[str]) -> None:
    platform = principal("platform")
    rig.up(access(subnets, platform))
    rig.calls()
    wanted = access(subnets, platform, policies=("AmazonEKSAdminPolicy", "AmazonEKSViewPolicy"))
    rig.up(wanted)
    assert entries()[platform] == ["AmazonEKSAdminPolicy", "AmazonEKSViewPolicy"]
    assert rig.calls() == ["AssociateAccessPolicy", "AssociateAccessPolicy", "DisassociateAccessPolicy"]
    assert rig.plan(wanted).changes == ()


def test_an_admin_who_made_the_cluster_keeps_the_one_entry_throughout(rig: AwsRig, subnets: list[str]) -> None:
    rig.up(access(subnets))
    maker = rig.outputs("eks.cluster/main")["creator"]
    rig.calls()
    rig.up(access(subnets, maker))  # named as an admin as well
    assert rig.calls() == ["TagResource"]
    assert rig.plan(access(subnets, maker)).changes == ()
    rig.up(access(subnets))  # and no longer
    assert rig.calls() == ["TagResource"]
    assert list(entries()) == [maker]
    assert rig.plan(access(subnets)).changes == ()


def test_an_admin_who_leaves_loses_access(rig: AwsRig, subnets: list[str]) -> None:
    platform = principal("platform")
    rig.up(access(subnets, platform))
    rig.up(access(subnets))
    assert platform not in entries()


def test_an_entry_that_somebody_else_made_is_not_touched(rig: AwsRig, subnets: list[str]) -> None:
    platform = principal("platform")
    rig.up(access(subnets))
    boto3.client("eks").create_access_entry(clusterName=NAME, principalArn=platform)
    with pytest.raises(NotOurs, match="platform"):
        rig.plan(access(subnets, platform))


_SSO = "aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin_0123456789abcdef"


@pytest.mark.parametrize(
    ("arn", "said", "remedy"),
    [
        (f"role/{_SSO}", "", ""),
        (f"role/{_SSO.rpartition('/')[2]}", "is not the whole ARN", f"write arn:aws:iam::123456789012:role/{_SSO} in"),
        ("role/nobody", "IAM has no role nobody", "cluster.admins"),
        ("user/ada", "", ""),
        ("user/ops/ada", "is not the whole ARN", "write arn:aws:iam::123456789012:user/ada in"),
        ("user/bob", "IAM has no user bob", "cluster.admins"),
    ],
)
def test_an_admin_that_eks_would_not_take_is_known_before_there_is_a_cluster(
    rig: AwsRig, subnets: list[str], arn: str, said: str, remedy: str
) -> None:
    """Also by EKS itself, which refuses what the plan does."""
    iam, (*path, name) = boto3.client("iam"), _SSO.split("/")
    iam.create_role(RoleName=name, Path=f"/{'/'.join(path)}/", AssumeRolePolicyDocument=TRUST)
    iam.create_user(UserName="ada")
    principal = f"arn:aws:iam::123456789012:{arn}"
    blocked = rig.plan(access(subnets, principal)).blocked
    assert [said in one.reason and remedy in one.hint for one in blocked] == ([True] if said else [])
    rig.up(access(subnets))
    eks = boto3.client("eks")
    if said:
        with pytest.raises(eks.exceptions.InvalidParameterException, match="invalid principal"):
            eks.create_access_entry(clusterName=NAME, principalArn=principal)
    else:
        rig.up(access(subnets, principal))
        assert principal in entries()


def test_an_admin_of_another_account_is_eks_own_affair(rig: AwsRig, subnets: list[str]) -> None:
    assert rig.plan(access(subnets, "arn:aws:iam::210987654321:role/partner")).blocked == ()
