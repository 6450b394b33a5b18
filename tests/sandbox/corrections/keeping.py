"""KMS, Secrets Manager, CloudWatch Logs: what is scheduled for deletion is not to be used, and days are checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.sandbox.corrections.harness import ProbedAws, probe, refused


@probe("KMS")
def key_that_is_to_be_deleted(world: ProbedAws) -> None:
    """encrypts with a key that is pending deletion, and schedules it again

    KMSInvalidStateException for every use and change of it
    """
    key = world.kms.create_key()["KeyMetadata"]["KeyId"]
    text = world.kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    world.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=10)
    calls: tuple[Callable[[], Any], ...] = (
        lambda: world.kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: world.kms.decrypt(CiphertextBlob=text),
        lambda: world.kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: world.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=10),
        lambda: world.kms.enable_key_rotation(KeyId=key),
        lambda: world.kms.create_alias(AliasName=f"alias/{key}", TargetKeyId=key),
    )
    for call in calls:
        with refused("KMSInvalidStateException"):
            call()
    world.kms.cancel_key_deletion(KeyId=key)
    world.kms.enable_key(KeyId=key)
    world.kms.encrypt(KeyId=key, Plaintext=b"x")


@probe("KMS")
def key_deletion_says_when(world: ProbedAws) -> None:
    """does not say the state of a key that was scheduled for deletion, and gives its id

    PendingDeletion, in how many days, and its ARN
    """
    key = world.kms.create_key()["KeyMetadata"]
    said = world.kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=12)
    assert (said.get("KeyState"), said.get("PendingWindowInDays")) == ("PendingDeletion", 12)
    assert said["KeyId"] == key["Arn"]


@probe("KMS", fails="KeyError")
def key_says_what_it_is_for(world: ProbedAws) -> None:
    """leaves out what a key is for, unless it was said, and whether it is in several regions

    ENCRYPT_DECRYPT, and in one region
    """
    made = world.kms.create_key()["KeyMetadata"]
    assert (made["KeyUsage"], made["MultiRegion"]) == ("ENCRYPT_DECRYPT", False)


@probe("Secrets Manager")
def secret_that_is_to_be_deleted(world: ProbedAws) -> None:
    """refuses the name of a secret that is scheduled for deletion with ResourceExistsException

    InvalidRequestException
    """
    name = world.name("secret")
    world.secretsmanager.create_secret(Name=name, SecretString="x")
    world.secretsmanager.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    with refused("InvalidRequestException"):
        world.secretsmanager.create_secret(Name=name, SecretString="x")


@probe("CloudWatch Logs")
def log_retention(world: ProbedAws) -> None:
    """accepts any number of days for which a log group is kept

    InvalidParameterException but for those that there are
    """
    group = world.name("group")
    world.logs.create_log_group(logGroupName=group)
    world.logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    with refused("InvalidParameterException"):
        world.logs.put_retention_policy(logGroupName=group, retentionInDays=31)


@probe("CloudWatch Logs")
def log_group_of_a_name_that_was_used(world: ProbedAws) -> None:
    """gives the tags of a deleted log group to the next one of its name

    it has those that it was made with
    """
    group = world.name("group")
    for tags in ({"a": "b"}, {}):
        world.logs.create_log_group(logGroupName=group, tags=tags)
        (made,) = world.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        arn = made["arn"].removesuffix(":*")
        assert world.logs.list_tags_for_resource(resourceArn=arn)["tags"] == tags
        world.logs.delete_log_group(logGroupName=group)


@probe("KMS")
def key_that_is_disabled(world: ProbedAws) -> None:
    """turns the rotation of a disabled key on

    DisabledException
    """
    key = world.kms.create_key()["KeyMetadata"]["KeyId"]
    world.kms.disable_key(KeyId=key)
    with refused("DisabledException"):
        world.kms.enable_key_rotation(KeyId=key)


@probe("KMS")
def deletion_that_nobody_asked_for(world: ProbedAws) -> None:
    """cancels the deletion of a key that is not pending deletion, and disables it

    KMSInvalidStateException, and the key is as it was
    """
    key = world.kms.create_key()["KeyMetadata"]["KeyId"]
    with refused("KMSInvalidStateException"):
        world.kms.cancel_key_deletion(KeyId=key)
    assert world.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


@probe("KMS")
def key_that_goes_does_not_rotate(world: ProbedAws) -> None:
    """says that a key that is pending deletion rotates

    it does not, until the deletion is cancelled
    """
    key = world.kms.create_key()["KeyMetadata"]["KeyId"]
    world.kms.enable_key_rotation(KeyId=key)
    world.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert world.kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    world.kms.cancel_key_deletion(KeyId=key)
    assert world.kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
