"""A state bucket, and what is told of it."""

from __future__ import annotations

from typing import Any

import boto3

from livekit_deploy.aws.state_bucket.bucket import default_bucket
from tests.aws.rig import REGION

ACCOUNT = "123456789012"
NAME = default_bucket(ACCOUNT, REGION)
STEM = "livekit-deploy/livekit/uat"


def told(name: str = NAME) -> dict[str, Any]:
    """All that S3 tells of a bucket; None for what it has not."""
    s3, found = boto3.client("s3"), dict[str, Any]()
    parts = ("tagging", "policy", "versioning", "encryption", "lifecycle_configuration")
    for read in (*(f"get_bucket_{part}" for part in parts), "get_public_access_block"):
        try:
            found[read] = getattr(s3, read)(Bucket=name)
        except s3.exceptions.ClientError:
            found[read] = None
    for said in found.values():
        (said or {}).pop("ResponseMetadata", None)
    return found
