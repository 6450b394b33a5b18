"""What is set for a whole account in a region."""

from __future__ import annotations

from tests.sandbox.corrections.harness import ProbedAws, probe


@probe("EC2", fails="NotImplementedError")
def public_access_is_blocked_for_an_account(world: ProbedAws) -> None:
    """cannot block public access to VPCs

    off at first; each VPC can be excluded
    """
    said = world.ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
    assert (said["InternetGatewayBlockMode"], said["ManagedBy"]) == ("off", "account")
    try:
        made = world.ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="block-ingress")
        assert made["VpcBlockPublicAccessOptions"]["InternetGatewayBlockMode"] == "block-ingress"
    finally:
        world.ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="off")
    vpc = world.network().vpc
    world.ec2.create_vpc_block_public_access_exclusion(VpcId=vpc, InternetGatewayExclusionMode="allow-bidirectional")
    found = world.ec2.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]
    assert [one["State"] for one in found if one["ResourceArn"].endswith(vpc)] == ["create-complete"]


@probe("EC2", fails="NotImplementedError")
def disks_have_a_key_of_the_account(world: ProbedAws) -> None:
    """cannot tell which key encrypts disks

    that of AWS, unless the account has chosen another
    """
    assert world.ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    try:
        world.ec2.modify_ebs_default_kms_key_id(KmsKeyId="alias/other")
        assert world.ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == "alias/other"
    finally:
        world.ec2.modify_ebs_default_kms_key_id(KmsKeyId="alias/aws/ebs")


@probe("EC2", fails="NotImplementedError")
def images_that_may_start(world: ProbedAws) -> None:
    """cannot limit the images that may start

    all, unless the account or its organization has limited them
    """
    assert world.ec2.get_allowed_images_settings()["State"] == "disabled"
    try:
        world.ec2.enable_allowed_images_settings(AllowedImagesSettingsState="enabled")
        world.ec2.replace_image_criteria_in_allowed_images_settings(
            ImageCriteria=[{"ImageProviders": ["aws-backup-vault"]}]
        )
        said = world.ec2.get_allowed_images_settings()
        assert (said["State"], said["ImageCriteria"]) == ("enabled", [{"ImageProviders": ["aws-backup-vault"]}])
    finally:
        world.ec2.enable_allowed_images_settings(AllowedImagesSettingsState="disabled")
