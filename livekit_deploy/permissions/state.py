"""The state bucket: its creation and settings, this environment's documents, and the test of conditional writes."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.aws.state_bucket.bucket import default_bucket
from livekit_deploy.config import S3State
from livekit_deploy.permissions.statement import Scope, Statement

_BUCKET = (
    *("CreateBucket", "TagResource", "ListBucket", "ListBucketVersions", "GetBucketVersioning", "GetBucketTagging"),
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
    probes = ("PutObject", "GetObject", "DeleteObjectVersion")
    yield Statement("StateProbe", "s3", probes, [f"{stem}/probe/*"], ours)
    if where.kms_key:
        yield Statement("StateKey", "kms", ("GenerateDataKey", "Decrypt"), [where.kms_key])
