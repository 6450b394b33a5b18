"""Checks settings of the account or its organization that keep nodes from starting or being reached.

What a declarative policy of the organization has set shows in the same settings, which then say that it manages them.
Sources: VPC user guide, "Block public access to VPCs and subnets"; EC2 Auto Scaling user guide, "Required AWS KMS key
policy for use with encrypted volumes"; EC2 user guide, "Allowed AMIs".
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from livekit_deploy.aws.access.answers import odd
from livekit_deploy.aws.kinds.ec2.vpc import Vpc
from livekit_deploy.aws.kinds.states import EXCLUSION, KEY
from livekit_deploy.checks.finding import Trouble
from livekit_deploy.checks.prerequisites.context import PrerequisitesContext

_OPEN, _BOTH_WAYS, _FORBIDDEN = "off", "allow-bidirectional", "not-allowed"
_POLICY = "declarative-policy"
#: who owns the images of EKS
_AMAZON = {"amazon", "602401143452"}
#: it replaces the whole list
_ALLOW = "aws ec2 replace-image-criteria-in-allowed-images-settings --image-criteria"
_LAUNCHER = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
#: what Auto Scaling does with the key of a disk
_USES = ("kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt", "kms:CreateGrant")


def internet(survey: PrerequisitesContext) -> str:
    """VPC Block Public Access lets the Internet reach media nodes and load balancers."""
    said = survey.cloud.ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
    mode = said.get("InternetGatewayBlockMode", _OPEN)
    if mode == _OPEN:
        return "nothing is blocked"
    vpc = next((one.id for one in survey.records.values() if one.kind == Vpc.kind and one.id), "")
    if vpc and any(_excluded(one, vpc) for one in _exclusions(survey)):
        return f"{mode}, but for {vpc}"
    exclude = (
        f"exclude {vpc or 'the VPC once the step infrastructure has made it'}: aws ec2 "
        f"create-vpc-block-public-access-exclusion --vpc-id {vpc or 'ID'} "
        f"--internet-gateway-exclusion-mode {_BOTH_WAYS}"
    )
    forbidden = said.get("ExclusionsAllowed") == _FORBIDDEN
    raise Trouble(
        f"VPC Block Public Access is {mode} in {survey.env.region}, set by {_setter(said)}",
        cause="callers reach neither media nodes nor load balancers through the Internet gateway",
        remedy="ask the organization to allow exclusions, or to switch it off here" if forbidden else exclude,
    )


def _exclusions(survey: PrerequisitesContext) -> list[Mapping[str, Any]]:
    return survey.cloud.ec2.pages("describe_vpc_block_public_access_exclusions", "VpcBlockPublicAccessExclusions")


def _excluded(one: Mapping[str, Any], vpc: str) -> bool:
    both = one.get("InternetGatewayExclusionMode") == _BOTH_WAYS
    return both and EXCLUSION.of(one.get("State")).usable and str(one.get("ResourceArn", "")).endswith(f":vpc/{vpc}")


def _setter(said: Mapping[str, Any]) -> str:
    return "a declarative policy of the organization" if said.get("ManagedBy") == _POLICY else "the account"


def disks(survey: PrerequisitesContext) -> str:
    """The key that encrypts the nodes' disks lets Auto Scaling start nodes."""
    ec2, kms = survey.cloud.ec2, survey.cloud.kms
    always = ec2.get_ebs_encryption_by_default().get("EbsEncryptionByDefault", False)
    key = str(ec2.get_ebs_default_kms_key_id()["KmsKeyId"])
    seen = f"encrypted with {key}{', as all disks of the account are' if always else ''}"
    if key.endswith("alias/aws/ebs"):
        return seen
    found = kms.describe_key(KeyId=key)["KeyMetadata"]
    if found.get("KeyManager") == "AWS":
        return seen
    state = KEY.of(found.get("KeyState"))
    if state.value != "Enabled":
        raise Trouble(
            f"the account's key for disks, {key}, is {state.value}",
            cause="no node starts whose disk cannot be encrypted",
            remedy=f"aws kms enable-key --key-id {key}, or choose another: "
            "aws ec2 modify-ebs-default-kms-key-id --kms-key-id ARN",
        )
    who = survey.cloud.identity
    role = f"arn:{who.partition}:iam::{who.account}:{_LAUNCHER}"
    if not _lets(survey, found["KeyId"], role):
        raise Trouble(
            f"the account's key for disks, {key}, does not let Auto Scaling use it",
            cause=f"neither its policy nor a grant names {role}: nodes end with Client.InvalidKMSKey.InvalidState",
            remedy=f"aws kms create-grant --key-id {key} --grantee-principal {role} --operations Encrypt Decrypt "
            "ReEncryptFrom ReEncryptTo GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey CreateGrant",
        )
    return seen


def _lets(survey: PrerequisitesContext, key: str, role: str) -> bool:
    """Whether the key's policy, or a grant, lets a role use it: its own policies never do."""
    text = survey.cloud.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    try:
        said = json.loads(text)
        allowed = {action for one in _statements(said) if _names(one, role) for action in _listed(one.get("Action"))}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise odd("kms:GetKeyPolicy", "Policy", "it is not a policy in JSON") from error
    if all(any(_covers(pattern, use) for pattern in allowed) for use in _USES):
        return True
    return any(
        one.get("GranteePrincipal") == role for one in survey.cloud.kms.pages("list_grants", "Grants", KeyId=key)
    )


def _statements(policy: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    found = policy.get("Statement", [])
    yield from (one for one in ([found] if isinstance(found, dict) else found) if one.get("Effect") == "Allow")


def _names(statement: Mapping[str, Any], role: str) -> bool:
    principal = statement.get("Principal", {})
    return "*" in (named := _listed(principal if isinstance(principal, str) else principal.get("AWS"))) or role in named


def _listed(value: Any) -> list[str]:
    found = [] if value is None else [value] if isinstance(value, str) else list(value)
    return [one for one in found if isinstance(one, str)]


def _covers(pattern: str, action: str) -> bool:
    return pattern in ("*", action) or (pattern.endswith("*") and action.startswith(pattern[:-1]))


def images(survey: PrerequisitesContext) -> str:
    """The account's list of allowed images lets the images of EKS start."""
    said = survey.cloud.ec2.get_allowed_images_settings()
    state = said.get("State", "disabled")
    criteria = said.get("ImageCriteria", [])
    if state != "enabled" or any(_allows(one) for one in criteria):
        return "those of EKS are allowed"
    raise Trouble(
        f"{_setter(said)} allows only images that are not EKS's",
        cause="no node starts from an image that is not allowed",
        remedy=f"{'have it add' if said.get('ManagedBy') == _POLICY else 'add'} the image provider amazon to the "
        f"allowed images: {_ALLOW} {shlex.quote(json.dumps([*criteria, {'ImageProviders': ['amazon']}]))}",
    )


def _allows(one: Mapping[str, Any]) -> bool:
    """Whether a criterion admits all images of Amazon's."""
    providers = one.get("ImageProviders") or _AMAZON
    return bool(_AMAZON & set(providers)) and not (one.get("ImageNames") or one.get("MarketplaceProductCodes"))
