"""Roles, policies and the OIDC provider through the real engine: made, kept, changed step by step, and gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.kinds.iam.oidc import OidcProvider
from livekit_deploy.aws.kinds.iam.roles import Policy, Role
from livekit_deploy.base import shipped_files
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import Denied, NotOurs
from tests.aws.rig import AwsRig

CLUSTER_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
IRSA_TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Federated": "${oidc_arn}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {"${issuer}:aud": "sts.amazonaws.com", "${issuer}:sub": "system:serviceaccount:a:b"}
        },
    },
}
ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/ABCDEF"


def document(*actions: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "arn:${partition}:ec2:*:*:vpc/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(*managed: str, **more: Any) -> Role:
    return Role("cluster", trust=CLUSTER_TRUST, managed=managed or ["AmazonEKSClusterPolicy"], **more)


def attached(name: str = "livekit-uat-cluster") -> list[str]:
    found = boto3.client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return sorted(item["PolicyName"] for item in found)


def test_a_role_is_made_with_its_marks_and_the_second_run_is_silent(rig: AwsRig) -> None:
    rig.up([role(path="/media/", boundary="arn:aws:iam::aws:policy/ReadOnlyAccess")])
    made = boto3.client("iam").get_role(RoleName="livekit-uat-cluster")["Role"]
    tags = {tag["Key"]: tag["Value"] for tag in made["Tags"]}
    assert tags["livekit-deploy:address"] == "iam.role/cluster"
    assert made["Path"] == "/media/"
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert attached() == ["AmazonEKSClusterPolicy"]
    assert rig.calls() == ["CreateRole", "AttachRolePolicy"]
    same = [role(path="/media/", boundary="arn:aws:iam::aws:policy/ReadOnlyAccess")]
    assert rig.plan(same).changes == ()
    assert len(rig.calls(mutating=False)) == 4  # one list of all roles, and two calls for ours


def test_attachments_change_one_by_one_and_strangers_are_detached(rig: AwsRig) -> None:
    rig.up([role()])
    boto3.client("iam").attach_role_policy(
        RoleName="livekit-uat-cluster", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    rig.calls()
    wanted = role("AmazonEKSClusterPolicy", "AmazonEKSVPCResourceController")
    rig.up([wanted])
    assert attached() == ["AmazonEKSClusterPolicy", "AmazonEKSVPCResourceController"]
    assert rig.calls() == ["AttachRolePolicy", "DetachRolePolicy"]
    assert rig.plan([wanted]).changes == ()


def test_trust_and_boundary_are_put_right(rig: AwsRig) -> None:
    rig.up([role()])
    changed = {**CLUSTER_TRUST, "Statement": [{**CLUSTER_TRUST["Statement"][0], "Principal": {"Service": "x.com"}}]}  # type: ignore[dict-item]
    boto3.client("iam").update_assume_role_policy(RoleName="livekit-uat-cluster", PolicyDocument=json.dumps(changed))
    (change,) = rig.plan([role()]).changes
    assert [diff.origin for diff in change.diffs] == ["drift"]
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    rig.up([role(boundary=boundary)])
    made = boto3.client("iam").get_role(RoleName="livekit-uat-cluster")["Role"]
    assert made["AssumeRolePolicyDocument"] == CLUSTER_TRUST
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    rig.up([role()])
    assert "PermissionsBoundary" not in boto3.client("iam").get_role(RoleName="livekit-uat-cluster")["Role"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("cluster", "eks:us-east-1:123456789012:cluster/livekit-uat-main"),
        ("flow-logs", "ec2:us-east-1:123456789012:vpc-flow-log/*"),
    ],
)
def test_a_service_is_trusted_for_our_own_objects_only(rig: AwsRig, name: str, source: str) -> None:
    def wanted() -> list[Resource]:
        return [Role(name, trust=shipped_files.document(f"iam/{name}-trust.json"))]

    rig.up(wanted())
    iam, named = boto3.client("iam"), f"livekit-uat-{name}"
    made = iam.get_role(RoleName=named)["Role"]["AssumeRolePolicyDocument"]
    asked = {"StringEquals": {"aws:SourceAccount": "123456789012"}, "ArnLike": {"aws:SourceArn": f"arn:aws:{source}"}}
    assert made["Statement"][0]["Condition"] == asked
    assert rig.plan(wanted()).changes == ()
    others = {"123456789012": "210987654321", "us-east-1": "us-east-2", "/livekit-uat-main": "/my-livekit-uat-main"}
    for ours, theirs in others.items():
        if ours in json.dumps(made):
            other = json.dumps(made).replace(ours, theirs)
            iam.update_assume_role_policy(RoleName=named, PolicyDocument=other)
            (change,) = rig.plan(wanted()).changes
            assert [diff.origin for diff in change.diffs] == ["drift"]
    rig.up(wanted())
    assert iam.get_role(RoleName=named)["Role"]["AssumeRolePolicyDocument"] == made


def test_iam_is_asked_who_we_are_only_when_it_matters(rig: AwsRig) -> None:
    """A session does not tell its role's path; only an access entry and a key policy name the role."""
    iam = boto3.client("iam")
    trust = json.dumps(CLUSTER_TRUST)
    arn = iam.create_role(RoleName="sso", Path="/aws-reserved/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    given = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    clients = Clients("us-east-1", access_key=given["AccessKeyId"], secret_key=given["SecretAccessKey"])
    who = Cloud(clients, OwnershipTags("livekit", "uat")).identity
    assert (who.account, who.partition) == ("123456789012", "aws")
    assert who.arn.endswith(":assumed-role/sso/me")
    with pytest.raises(Denied, match="iam:GetRole"):  # this role may nothing
        _ = who.principal
    allowed = {"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="sso", PolicyName="own", PolicyDocument=policy)
    assert who.principal == arn


def test_another_path_is_refused_with_the_way_out(rig: AwsRig) -> None:
    rig.up([role()])
    (change,) = rig.plan([role(path="/x/")]).changes
    assert change.action is Action.BLOCKED
    assert "iam.path" in change.hint


def test_a_role_goes_with_what_others_hung_on_it(rig: AwsRig) -> None:
    iam = boto3.client("iam")
    rig.up([role()])
    inline = {**document("ec2:*"), "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="livekit-uat-cluster", PolicyName="more", PolicyDocument=json.dumps(inline))
    iam.create_instance_profile(InstanceProfileName="nodes")
    iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="livekit-uat-cluster")
    rig.calls()
    rig.down()
    assert rig.calls() == [
        "DetachRolePolicy",
        "DeleteRolePolicy",
        "RemoveRoleFromInstanceProfile",
        "DeleteRole",
    ]
    assert [item["RoleName"] for item in iam.list_roles()["Roles"]] == []


def test_a_role_of_another_environment_is_not_touched(rig: AwsRig, tmp_path: Path) -> None:
    other = AwsRig(tmp_path / "other")
    other.up([role()])
    with pytest.raises(NotOurs, match="lineage"):
        rig.plan([role()])
    boto3.client("iam").create_role(RoleName="livekit-prod-cluster", AssumeRolePolicyDocument=json.dumps(CLUSTER_TRUST))
    with pytest.raises(NotOurs, match="somebody else"):
        AwsRig(tmp_path, env="prod").plan([role()])


def test_names_that_are_too_long_stay_apart(rig: AwsRig) -> None:
    names = ["a" * 70 + "x", "a" * 70 + "y"]
    rig.up([Role(name, trust=CLUSTER_TRUST) for name in names])
    made = [item["RoleName"] for item in boto3.client("iam").list_roles()["Roles"]]
    assert len(set(made)) == 2
    assert all(len(name) <= 64 for name in made)


# ---- policies


def test_a_policy_keeps_five_versions_and_the_newest_is_in_force(rig: AwsRig) -> None:
    for number in range(8):
        policy = Policy("controller", document=document(f"ec2:Action{number}"))
        rig.up([policy])
        assert rig.plan([policy]).changes == ()
    arn = "arn:aws:iam::123456789012:policy/livekit-uat-controller"
    iam = boto3.client("iam")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert len(versions) == 5
    (current,) = [item["VersionId"] for item in versions if item["IsDefaultVersion"]]
    said = iam.get_policy_version(PolicyArn=arn, VersionId=current)["PolicyVersion"]["Document"]
    assert said["Statement"][0]["Action"] == ["ec2:Action7"]
    assert said["Statement"][0]["Resource"] == "arn:aws:ec2:*:*:vpc/*"
    rig.calls()
    rig.down()
    assert rig.calls() == ["DeletePolicyVersion"] * 4 + ["DeletePolicy"]
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_documents_that_say_the_same_are_equal(rig: AwsRig) -> None:
    rig.up([Policy("controller", document=document("ec2:A", "ec2:B"))])
    other = document("ec2:B", "ec2:A")
    other["Statement"][0]["Resource"] = ["arn:aws:ec2:*:*:vpc/*"]
    assert rig.plan([Policy("controller", document=other)]).changes == ()
    other["Statement"][0]["Effect"] = "Deny"
    assert [c.action for c in rig.plan([Policy("controller", document=other)]).changes] == [Action.UPDATE]


# ---- IRSA


def irsa(url: str = ISSUER) -> list[Resource]:
    provider = OidcProvider("cluster", url=url)
    policy = Policy("controller", document=document("ec2:A"))
    role = Role(
        "controller",
        trust=IRSA_TRUST,
        values={"oidc_arn": provider.arn, "issuer": provider.issuer},
        managed=[policy.arn],
    )
    return [provider, policy, role]


def test_the_trust_of_a_service_account_names_provider_subject_and_audience(rig: AwsRig) -> None:
    rig.up(irsa())
    trust = boto3.client("iam").get_role(RoleName="livekit-uat-controller")["Role"]["AssumeRolePolicyDocument"]
    issuer = ISSUER.removeprefix("https://")
    assert trust["Statement"]["Principal"]["Federated"] == f"arn:aws:iam::123456789012:oidc-provider/{issuer}"
    assert trust["Statement"]["Condition"]["StringEquals"] == {
        f"{issuer}:aud": "sts.amazonaws.com",
        f"{issuer}:sub": "system:serviceaccount:a:b",
    }
    said = boto3.client("iam").get_open_id_connect_provider(
        OpenIDConnectProviderArn=trust["Statement"]["Principal"]["Federated"]
    )
    assert said["ClientIDList"] == ["sts.amazonaws.com"]
    assert rig.plan(irsa()).changes == ()


def test_a_new_issuer_gets_its_provider_first_and_the_trust_follows(rig: AwsRig) -> None:
    rig.up(irsa())
    rig.calls()
    rig.up(irsa(ISSUER[:-1] + "0"))
    assert rig.calls() == [
        "CreateOpenIDConnectProvider",
        "UpdateAssumeRolePolicy",
        "DeleteOpenIDConnectProvider",
    ]
    (left,) = boto3.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert left["Arn"].endswith("ABCDE0")
    rig.down()
    assert boto3.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
