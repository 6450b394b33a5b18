"""What is set for a whole account decides over nodes, and `prerequisites` says so before `up` begins."""

from __future__ import annotations

import json
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.ec2.models import ec2_backends

from livekit_deploy.checks.finding import Trouble
from livekit_deploy.checks.prerequisites import account
from livekit_deploy.checks.prerequisites.context import PrerequisitesContext
from livekit_deploy.checks.reach import Reach
from livekit_deploy.config import load_environment
from livekit_deploy.sandbox.aws.ec2.additions import settings
from livekit_deploy.stack import stack
from livekit_deploy.state.document import Phase, Record, State
from tests.aws.rig import REGION, AwsRig

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def _survey(rig: AwsRig, folder: Path, vpc: str | None = None) -> PrerequisitesContext:
    path = folder / "uat.yaml"
    path.write_text(
        "region: us-east-1\nlivekit: {domain: livekit.example.com}\ncluster: {public_cidrs: [8.8.8.8/32]}\n"
    )
    state = State.new("livekit", "uat")
    if vpc is not None:
        state = state.with_records({"ec2.vpc/main": Record(phase=Phase.READY, kind="ec2.vpc", inputs={}, id=vpc)})
    env = load_environment(path, environ={})
    return PrerequisitesContext(env, rig.cloud, Reach(), partial(stack, env), lambda: (state, None, 0.0))


def _held() -> dict[str, Any]:
    return settings(ec2_backends[ACCOUNT][REGION])


# ---- VPC Block Public Access


@pytest.mark.parametrize("mode", ["block-ingress", "block-bidirectional"])
def test_blocked_public_access_is_told_with_the_exclusion_that_helps(rig: AwsRig, tmp_path: Path, mode: str) -> None:
    ec2 = boto3.client("ec2")
    assert account.internet(_survey(rig, tmp_path)) == "nothing is blocked"
    ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode=mode)
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    with pytest.raises(Trouble, match=f"is {mode} in us-east-1, set by the account") as caught:
        account.internet(_survey(rig, tmp_path, vpc))
    assert f"--vpc-id {vpc} --internet-gateway-exclusion-mode allow-bidirectional" in caught.value.remedy
    ec2.create_vpc_block_public_access_exclusion(VpcId=vpc, InternetGatewayExclusionMode="allow-egress")
    with pytest.raises(Trouble):
        account.internet(_survey(rig, tmp_path, vpc))
    ec2.create_vpc_block_public_access_exclusion(VpcId=vpc, InternetGatewayExclusionMode="allow-bidirectional")
    assert account.internet(_survey(rig, tmp_path, vpc)) == f"{mode}, but for {vpc}"
    _held()["exclusions"][-1]["State"] = "delete-in-progress"
    with pytest.raises(Trouble):
        account.internet(_survey(rig, tmp_path, vpc))


def test_a_declarative_policy_without_exclusions_is_the_organizations_to_change(rig: AwsRig, tmp_path: Path) -> None:
    boto3.client("ec2").modify_vpc_block_public_access_options(InternetGatewayBlockMode="block-ingress")
    _held()["access"] |= {"ManagedBy": "declarative-policy", "ExclusionsAllowed": "not-allowed"}
    with pytest.raises(Trouble, match="set by a declarative policy of the organization") as caught:
        account.internet(_survey(rig, tmp_path))
    assert "ask the organization" in caught.value.remedy


# ---- the key of disks


def _key(*statements: dict[str, Any]) -> str:
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root, *statements]})
    id = str(boto3.client("kms").create_key(Policy=policy)["KeyMetadata"]["KeyId"])
    boto3.client("ec2").modify_ebs_default_kms_key_id(KmsKeyId=id)
    return id


def _use(principal: Any, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": "*"}


def test_a_key_of_the_accounts_own_must_let_auto_scaling_use_it(rig: AwsRig, tmp_path: Path) -> None:
    assert account.disks(_survey(rig, tmp_path)) == "encrypted with alias/aws/ebs"
    key = _key()
    with pytest.raises(Trouble, match="does not let Auto Scaling use it") as caught:
        account.disks(_survey(rig, tmp_path))
    assert f"--grantee-principal {ROLE}" in caught.value.remedy
    boto3.client("kms").create_grant(KeyId=key, GranteePrincipal=ROLE, Operations=["Decrypt", "CreateGrant"])
    boto3.client("ec2").enable_ebs_encryption_by_default()
    assert "as all disks of the account are" in account.disks(_survey(rig, tmp_path))
    boto3.client("kms").disable_key(KeyId=key)
    with pytest.raises(Trouble, match="is Disabled"):
        account.disks(_survey(rig, tmp_path))


def test_the_policy_of_the_key_may_let_it_too(rig: AwsRig, tmp_path: Path) -> None:
    uses = ("kms:GenerateDataKey*", "kms:Decrypt")
    _key(_use({"AWS": ROLE}, *uses))
    with pytest.raises(Trouble):
        account.disks(_survey(rig, tmp_path))  # a disk needs a grant as well
    _key(_use({"AWS": [ROLE]}, *uses), _use({"AWS": ROLE}, "kms:CreateGrant"))
    assert account.disks(_survey(rig, tmp_path))


# ---- images


@pytest.mark.parametrize(
    ("criteria", "fits"),
    [
        ([{"ImageProviders": ["amazon"]}], True),
        ([{"ImageProviders": ["aws-marketplace"]}, {"ImageProviders": ["602401143452"]}], True),
        ([{"ImageProviders": ["aws-marketplace"]}], False),
        ([{"ImageProviders": ["amazon"], "ImageNames": ["golden-*"]}], False),
        ([], False),
    ],
)
def test_a_list_of_allowed_images_without_those_of_eks_is_told(
    rig: AwsRig, tmp_path: Path, criteria: list[dict[str, Any]], fits: bool
) -> None:
    held = _held()["images"]
    held |= {"State": "audit-mode", "ImageCriteria": criteria}
    assert account.images(_survey(rig, tmp_path))
    held |= {"State": "enabled", "ManagedBy": "declarative-policy"}
    if fits:
        assert account.images(_survey(rig, tmp_path))
        return
    with pytest.raises(Trouble, match="a declarative policy of the organization") as caught:
        account.images(_survey(rig, tmp_path))
    assert caught.value.remedy.startswith("have it add")


def test_who_adds_the_images_of_eks_as_is_said_keeps_those_that_were_allowed(rig: AwsRig, tmp_path: Path) -> None:
    before = [{"ImageProviders": ["210987654321"], "ImageNames": ["gold's-*"]}]
    held = _held()["images"]
    held |= {"State": "enabled", "ManagedBy": "account", "ImageCriteria": before}
    with pytest.raises(Trouble) as caught:
        account.images(_survey(rig, tmp_path))
    command = shlex.split(caught.value.remedy.partition("images: ")[2])
    boto3.client("ec2").replace_image_criteria_in_allowed_images_settings(ImageCriteria=json.loads(command[-1]))
    assert account.images(_survey(rig, tmp_path))
    assert boto3.client("ec2").get_allowed_images_settings()["ImageCriteria"][:1] == before
