"""The state bucket: making it, keeping it as it should be, and this environment's documents in it."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.aws.bucket import default_bucket
from livekit_deploy.config import S3State
from livekit_deploy.permissions.statement import Scope, Statement

_BUCKET = (
    *("CreateBucket", "ListBucket", "ListBucketVersions", "GetBucketVersioning", "GetBucketTagging"),
    *("PutBucketTagging", "PutBucketVersioning", "PutEncryptionConfiguration", "PutBucketPublicAccessBlock"),
    *("PutBucketPolicy", "PutLifecycleConfiguration"),
)


def statements(scope: Scope) -> Iterator[Statement]:
    """Nothing where the state is a file."""
    where = scope.env.state
    if not isinstance(where, S3State):
        return
    bucket = f"arn:{scope.partition}:s3:::{where.bucket or default_bucket(scope.account, scope.env.region)}"
    stem = f"{bucket}/livekit-deploy/{scope.env.project}/{scope.env.name}"
    ours = {"StringEquals": {"s3:ResourceAccount": scope.account}}
    yield Statement("StateBucket", "s3", _BUCKET, [bucket], ours)
    yield Statement(
        "StateDocuments",
        "s3",
        ("GetObject", "GetObjectVersion", "PutObject"),
        [f"{stem}.json", f"{stem}/history/*"],
        ours,
    )
