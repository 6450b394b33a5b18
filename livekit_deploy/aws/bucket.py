"""The state bucket: the one thing outside the graph. Made idempotently, never deleted by `down`.

A bucket that we did not make is checked and not changed: it must be versioned, and it must belong to this account.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.aws.tags import PROJECT, mapping, pairs
from livekit_deploy.config import Environment, FileState
from livekit_deploy.errors import Absent, Busy, Conflict, Denied, ResourceError, StateError
from livekit_deploy.state.store import FileStore, S3Store, Store, no_access

NONCURRENT_VERSIONS = 100  # the most that an S3 lifecycle rule keeps
NONCURRENT_DAYS = 30


class _S3:
    """S3, whose calls are repeated while it is still at work on the bucket, or does not show a new one everywhere.

    Source: Amazon S3 API reference, error responses (OperationAborted); Amazon S3 user guide, data consistency model.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def passes(error: BaseException) -> bool:
            return isinstance(error, Busy) or (
                operation != "head_bucket" and getattr(error, "code", "") == "NoSuchBucket"
            )

        return lambda **parameters: self._cloud.insist(lambda: getattr(self._cloud.s3, operation)(**parameters), passes)


def default_bucket(account: str, region: str) -> str:
    """The bucket's name where the environment file names none."""
    return f"livekit-deploy-{account}-{region}"


def store_of(env: Environment, cloud: Cloud, account: Callable[[], str]) -> Store:
    """Where the environment's state document lives; ``cloud`` is one without a fence, since the lease is in it."""
    where = env.state
    if isinstance(where, FileState):
        return FileStore(where.path)
    owner = account()
    bucket = where.bucket or default_bucket(owner, env.region)
    key = f"livekit-deploy/{env.project}/{env.name}.json"
    return S3Store(cloud.s3, bucket, key, owner=owner, prepare=lambda: ensure_bucket(cloud, bucket))


def ensure_bucket(cloud: Cloud, bucket: str) -> None:
    """Make the bucket and bring it to what it should be; a foreign one is only checked.

    Raises `Denied` when it belongs to another account, `StateError` when it is not versioned.
    """
    owner = cloud.identity.account
    if _exists(cloud, bucket, owner):
        ours = bucket == default_bucket(owner, cloud.region) or PROJECT in _tags(cloud, bucket, owner)
        if not ours:
            _check(cloud, bucket, owner)
            return
    else:
        _create(cloud, bucket, owner)
    _configure(cloud, bucket, owner)


def probe_bucket(cloud: Cloud, bucket: str, key: str, *, fix: bool) -> str:
    """What there is: versioned, and a second write with the condition that nothing is there is refused.

    With ``fix`` the versioning of a foreign bucket is turned on, and nothing else. The probe is removed again.
    Raises `StateError` for a bucket that cannot keep a state, `Denied` for one of another account.
    """
    owner = cloud.identity.account
    where = {"Bucket": bucket, "ExpectedBucketOwner": owner}
    if not _exists(cloud, bucket, owner):
        return "not there yet, up makes it"
    if fix and _S3(cloud).get_bucket_versioning(**where).get("Status") != "Enabled":
        _S3(cloud).put_bucket_versioning(**where, VersioningConfiguration={"Status": "Enabled"})
    else:
        _check(cloud, bucket, owner)
    made = []
    try:
        for _ in range(2):
            said = cloud.once("s3").put_object(**where, Key=key, Body=b"", IfNoneMatch="*")
            made.append(said.get("VersionId"))
    except ResourceError as error:
        if error.code != "PreconditionFailed":
            raise
    finally:
        for version in made:
            _S3(cloud).delete_object(**where, Key=key, **({"VersionId": version} if version else {}))
    if len(made) > 1:
        raise StateError(
            f"the bucket {bucket} does not honour conditional writes: two runs at once could not be kept apart",
            hint="keep the state in Amazon S3, or in a store that honours If-None-Match and If-Match",
        )
    return "versioned, honours conditional writes"


def _exists(cloud: Cloud, bucket: str, owner: str) -> bool:
    try:
        _S3(cloud).head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
    except Absent:
        return False
    except ResourceError as error:
        if isinstance(error, Denied) or error.code in ("403", "400"):
            raise no_access(bucket, error) from error
        raise
    return True


def _create(cloud: Cloud, bucket: str, owner: str) -> None:
    elsewhere = {} if cloud.region == "us-east-1" else {"LocationConstraint": cloud.region}
    parameters: dict[str, Any] = {"Bucket": bucket}
    if elsewhere:
        parameters["CreateBucketConfiguration"] = elsewhere
    try:
        _S3(cloud).create_bucket(**parameters)
    except Conflict as error:
        if error.code != "BucketAlreadyOwnedByYou":
            raise StateError(
                f"the bucket name {bucket} is taken by another account", hint="choose another in state.bucket"
            ) from error
    where = {"Bucket": bucket, "ExpectedBucketOwner": owner}
    _S3(cloud).put_bucket_tagging(**where, Tagging={"TagSet": pairs({PROJECT: cloud.marks.project})})


def _tags(cloud: Cloud, bucket: str, owner: str) -> dict[str, str]:
    try:
        return mapping(_S3(cloud).get_bucket_tagging(Bucket=bucket, ExpectedBucketOwner=owner)["TagSet"])
    except ResourceError as error:
        if error.code == "NoSuchTagSet":
            return {}
        raise


def _check(cloud: Cloud, bucket: str, owner: str) -> None:
    said = _S3(cloud).get_bucket_versioning(Bucket=bucket, ExpectedBucketOwner=owner)
    if said.get("Status") != "Enabled":
        raise StateError(
            f"the bucket {bucket} is not versioned",
            hint="turn its versioning on (livekit-deploy prerequisites --fix), or name another in state.bucket",
        )


def _configure(cloud: Cloud, bucket: str, owner: str) -> None:
    """Every setting, each by a put that does nothing when it is so already."""
    s3, where = _S3(cloud), {"Bucket": bucket, "ExpectedBucketOwner": owner}
    s3.put_bucket_versioning(**where, VersioningConfiguration={"Status": "Enabled"})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(**where, ServerSideEncryptionConfiguration={"Rules": [rule]})
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(**where, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True))
    s3.put_bucket_policy(**where, Policy=json.dumps(_tls_only(cloud.identity.partition, bucket)))
    s3.put_bucket_lifecycle_configuration(**where, LifecycleConfiguration={"Rules": _lifecycle()})


def _tls_only(partition: str, bucket: str) -> dict[str, Any]:
    arn = f"arn:{partition}:s3:::{bucket}"
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _lifecycle() -> list[dict[str, Any]]:
    return [
        {
            "ID": "noncurrent",
            "Status": "Enabled",
            "Filter": {"Prefix": "livekit-deploy/"},
            "NoncurrentVersionExpiration": {
                "NoncurrentDays": NONCURRENT_DAYS,
                "NewerNoncurrentVersions": NONCURRENT_VERSIONS,
            },
        }
    ]
