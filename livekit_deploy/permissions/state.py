"""The state bucket: its creation and settings, this environment's documents, and the test of conditional writes."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.config import S3State
from livekit_deploy.permissions.statement import Scope, Statement

_BUCKET = (
    *("CreateBucket", "TagResource", "ListBucket", "ListBucketVersions", "GetBucketVersioning", "GetBucketTagging"),
    *("PutBucketTagging", "PutBucketVersioning", "PutEncryptionConfiguration", "PutBucketPublicAccessBlock"),
    *("PutBucketPolicy", "PutLifecycleConfiguration"),
)


def statements(scope: Scope) -> Iterator[Statement]:
    """Nothing where the state is a file."""
    where, bucket = scope.env.state, scope.bucket
    if not isinstance(where, S3State):
        return
    stem = f"{bucket}/livekit-deploy/{scope.env.project}/{scope.env.name}"
    yield Statement("StateBucket", "s3", _BUCKET, [bucket], scope.of_account)
    documents, changes = [f"{stem}.json", f"{stem}/history/*"], ("GetObject", "GetObjectVersion", "PutObject")
    yield Statement("StateDocuments", "s3", changes, documents, scope.of_account)
    probes = ("PutObject", "GetObject", "DeleteObjectVersion")
    yield Statement("StateProbe", "s3", probes, [f"{stem}/probe/*"], scope.of_account)
    if where.kms_key:
        yield Statement("StateKey", "kms", ("GenerateDataKey", "Decrypt"), [where.kms_key])
