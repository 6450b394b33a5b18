"""The settings of a state bucket, each with the call that makes it and the call that reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.errors import Busy, ResourceError

NONCURRENT_VERSIONS = 100  # the most that an S3 lifecycle rule keeps
NONCURRENT_DAYS = 30
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
#: how S3 says that a bucket has none of what is asked for (Amazon S3 API reference, error responses)
_NONE = {
    *("ServerSideEncryptionConfigurationNotFoundError", "NoSuchPublicAccessBlockConfiguration"),
    *("NoSuchBucketPolicy", "NoSuchLifecycleConfiguration"),
}


@dataclass(frozen=True)
class Bucket:
    """A bucket that must be of the caller's account; ``kms_key`` is the key of what is written to it, if not S3's."""

    cloud: Cloud
    name: str
    kms_key: str | None = None

    @property
    def owner(self) -> str:
        """The account that must own it."""
        return self.cloud.identity.account

    def ask(self, operation: str, **parameters: Any) -> Any:
        """One call about it."""
        return self._insisted(operation, Bucket=self.name, ExpectedBucketOwner=self.owner, **parameters)

    def born(self, configuration: dict[str, Any]) -> None:
        """Make it."""
        self._insisted("create_bucket", Bucket=self.name, CreateBucketConfiguration=configuration)

    def _insisted(self, operation: str, **parameters: Any) -> Any:
        """Repeated while S3 is still at work on the bucket, or does not show a new one everywhere.

        Source: Amazon S3 API reference, error responses (OperationAborted); Amazon S3 user guide, data consistency
        model.
        """

        def passes(error: BaseException) -> bool:
            unseen = operation != "list_objects_v2" and getattr(error, "code", "") == "NoSuchBucket"
            return isinstance(error, Busy) or unseen

        return self.cloud.insist(lambda: getattr(self.cloud.s3, operation)(**parameters), passes)


@dataclass(frozen=True)
class Setting:
    """``lacking`` says what a bucket without it is like; ``given`` is what ``put`` is given, ``well`` looks at what
    ``get`` answers."""

    lacking: str
    put: str
    given: Callable[[Bucket], dict[str, Any]]
    get: str
    well: Callable[[Any], bool]

    def make(self, bucket: Bucket) -> None:
        """Set it; does nothing when it is so already."""
        bucket.ask(self.put, **self.given(bucket))

    def holds(self, bucket: Bucket) -> bool:
        """Whether the bucket is so."""
        try:
            return self.well(bucket.ask(self.get))
        except ResourceError as error:
            if error.code in _NONE:
                return False
            raise


def _encryption(bucket: Bucket) -> dict[str, Any]:
    how = (
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": bucket.kms_key} if bucket.kms_key else {"SSEAlgorithm": "AES256"}
    )
    rule = {"ApplyServerSideEncryptionByDefault": how, "BucketKeyEnabled": True}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def _tls_only(bucket: Bucket) -> dict[str, Any]:
    arn = f"arn:{bucket.cloud.identity.partition}:s3:::{bucket.name}"
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def _refuses_plain_http(said: Any) -> bool:
    statements = json.loads(said["Policy"]).get("Statement", [])
    each = statements if isinstance(statements, list) else [statements]
    return any(
        one.get("Effect") == "Deny" and str(condition.get("aws:SecureTransport", "")).lower() == "false"
        for one in each
        for condition in one.get("Condition", {}).values()
    )


def _lifecycle(_: Bucket) -> dict[str, Any]:
    ends = {"NoncurrentDays": NONCURRENT_DAYS, "NewerNoncurrentVersions": NONCURRENT_VERSIONS}
    rule = {"ID": "noncurrent", "Status": "Enabled", "Filter": {"Prefix": "livekit-deploy/"}}
    return {"LifecycleConfiguration": {"Rules": [{**rule, "NoncurrentVersionExpiration": ends}]}}


VERSIONING = Setting(
    "it is not versioned",
    "put_bucket_versioning",
    lambda _: {"VersioningConfiguration": {"Status": "Enabled"}},
    "get_bucket_versioning",
    lambda said: said.get("Status") == "Enabled",
)
SETTINGS = (
    Setting(
        "it has no default encryption",
        "put_bucket_encryption",
        _encryption,
        "get_bucket_encryption",
        lambda said: bool(said["ServerSideEncryptionConfiguration"]["Rules"]),
    ),
    Setting(
        "public access is not blocked",
        "put_public_access_block",
        lambda _: {"PublicAccessBlockConfiguration": dict.fromkeys(_BLOCKS, True)},
        "get_public_access_block",
        lambda said: all(said["PublicAccessBlockConfiguration"].get(one) for one in _BLOCKS),
    ),
    Setting(
        "no policy denies plain HTTP",
        "put_bucket_policy",
        _tls_only,
        "get_bucket_policy",
        _refuses_plain_http,
    ),
    Setting(
        "no lifecycle rule deletes old versions",
        "put_bucket_lifecycle_configuration",
        _lifecycle,
        "get_bucket_lifecycle_configuration",
        lambda said: any("NoncurrentVersionExpiration" in rule for rule in said["Rules"]),
    ),
)
