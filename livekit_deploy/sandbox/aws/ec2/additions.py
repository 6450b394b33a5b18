"""Settings of an account in a region, or of its organization, that apply to every node there.

Sources: VPC user guide, "Block public access to VPCs and subnets"; EBS user guide, "Enable Amazon EBS encryption by
default"; EC2 user guide, "Allowed AMIs"; AWS Organizations user guide, "Declarative policies".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import EC2Backend
from moto.ec2.responses import EC2Response

from livekit_deploy.sandbox.aws.every_service.patching import kept

Item = dict[str, Any]


def settings(backend: EC2Backend) -> Item:
    """The settings of an account in a region, as its answers have them."""
    found: Item = kept(
        backend,
        "settings",
        lambda: {
            "access": {
                "AwsAccountId": backend.account_id,
                "AwsRegion": backend.region_name,
                "State": "default-state",
                "InternetGatewayBlockMode": "off",
                "ManagedBy": "account",
                "ExclusionsAllowed": "allowed",
            },
            "exclusions": [],
            "key": "alias/aws/ebs",
            "images": {"State": "disabled", "ImageCriteria": [], "ManagedBy": "account"},
        },
    )
    return found


def install() -> None:
    """Answer what moto has no answer to."""
    for name, answer in _ANSWERS.items():
        setattr(EC2Response, name, _method(answer))


def _method(answer: Callable[[Any, Item], Item]) -> Callable[[Any], ActionResult]:
    def method(response: Any) -> ActionResult:
        return ActionResult(answer(response, settings(response.ec2_backend)))

    return method


def _block(response: Any, held: Item) -> Item:
    mode = response._get_param("InternetGatewayBlockMode")
    held["access"] |= {"InternetGatewayBlockMode": mode, "State": "update-complete"}
    return {"VpcBlockPublicAccessOptions": held["access"]}


def _exclude(response: Any, held: Item) -> Item:
    backend, vpc = response.ec2_backend, response._get_param("VpcId")
    made = {
        "ExclusionId": f"vpcbpa-exclude-{len(held['exclusions']):017x}",
        "InternetGatewayExclusionMode": response._get_param("InternetGatewayExclusionMode"),
        "ResourceArn": f"arn:aws:ec2:{backend.region_name}:{backend.account_id}:vpc/{vpc}",
        "State": "create-complete",
    }
    held["exclusions"].append(made)
    return {"VpcBlockPublicAccessExclusion": made}


def _key(response: Any, held: Item) -> Item:
    held["key"] = response._get_param("KmsKeyId")
    return {"KmsKeyId": held["key"]}


def _allow_images(response: Any, held: Item) -> Item:
    held["images"]["State"] = response._get_param("AllowedImagesSettingsState")
    return {"AllowedImagesSettingsState": held["images"]["State"]}


def _image_criteria(response: Any, held: Item) -> Item:
    held["images"]["ImageCriteria"] = response._get_param("ImageCriteria", [])
    return {"ReturnValue": True}


_ANSWERS: dict[str, Callable[[Any, Item], Item]] = {
    "describe_vpc_block_public_access_options": lambda _, held: {"VpcBlockPublicAccessOptions": held["access"]},
    "modify_vpc_block_public_access_options": _block,
    "describe_vpc_block_public_access_exclusions": lambda _, held: {
        "VpcBlockPublicAccessExclusions": held["exclusions"]
    },
    "create_vpc_block_public_access_exclusion": _exclude,
    "get_ebs_default_kms_key_id": lambda _, held: {"KmsKeyId": held["key"]},
    "modify_ebs_default_kms_key_id": _key,
    "get_allowed_images_settings": lambda _, held: held["images"],
    "enable_allowed_images_settings": _allow_images,
    "replace_image_criteria_in_allowed_images_settings": _image_criteria,
}
