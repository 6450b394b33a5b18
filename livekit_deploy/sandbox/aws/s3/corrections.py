"""S3: atomic conditional writes, policies that deny only plain HTTP, owners, lifecycles, tags, defaults.

moto checks a condition and then writes, without a lock, so that two writers may both win; it ignores the conditions
of a policy, so that one which denies plain HTTP denies everything; it ignores whose bucket the caller expects, and the
tags that a bucket is to be made with.
Source: S3 user guide, "Conditional writes", "Bucket policy examples" and "Verifying bucket ownership"; S3 API
reference, CreateBucket.
"""

from __future__ import annotations

import json
import threading
from typing import Any
from xml.etree import ElementTree

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, PublicAccessBlock, S3Backend, s3_backends
from moto.s3.responses import S3Response

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install
_writing = threading.RLock()
_NOT_THEIRS = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_answering = threading.local()


@corrected(S3Response, "put_object", "delete_object")
def write(original: Original, response: S3Response, *args: Any, **more: Any) -> Any:
    with _writing:
        return original(*args, **more)


@corrected(S3Response, "_bucket_response", "_key_response")
def answer(original: Original, response: S3Response, request: Any, full_url: str) -> Any:
    expected = request.headers.get("x-amz-expected-bucket-owner")
    bucket = response.parse_bucket_name_from_url(request, full_url)
    _, owner = s3_backends.bucket_accounts.get(bucket, ("", expected))
    if expected != owner and expected:
        return 403, {}, "" if request.method == "HEAD" else _NOT_THEIRS
    return original(request, full_url)


@corrected(FakeBucket)
def set_lifecycle(original: Original, bucket: Any, rules: list[dict[str, Any]]) -> None:
    """moto keeps of a rule for noncurrent versions only their days."""
    original(rules)
    for rule, asked in zip(bucket.rules, rules, strict=True):
        rule._sandbox_newer = (asked.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions")


@corrected(S3Response)
def get_bucket_lifecycle(original: Original, response: Any) -> Any:
    kept = response.backend.get_bucket_lifecycle(response.bucket_name)
    _answering.newer = [rule._sandbox_newer for rule in kept or []]
    try:
        return original()
    finally:
        _answering.newer = []


@corrected(S3Response)
def serialized(original: Original, response: Any, result: Any) -> Any:
    for newer, rule in zip(getattr(_answering, "newer", []), _rules(result.result), strict=False):
        if newer is not None:
            rule["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = newer
    return original(result)


def _rules(result: Any) -> list[dict[str, Any]]:
    return result.get("Rules", []) if isinstance(result, dict) else []


@corrected(S3Backend)
def create_bucket(original: Original, backend: Any, *args: Any, **more: Any) -> Any:
    """It is encrypted and lets in no public policy or list, since 2023 (S3 user guide, "Default settings")."""
    made = original(*args, **more)
    made.encryption = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}}
    made.public_access_block = PublicAccessBlock(True, True, True, True)
    return made


@corrected(S3Response, "_bucket_response_put")
def put(original: Original, response: Any, request: Any, bucket: str, asked: Any) -> Any:
    new = bucket not in s3_backends.bucket_accounts
    answer = original(request, bucket, asked)
    if new and (tags := tags_of_new_bucket(response.body)):
        response.backend.put_bucket_tagging(bucket, tags)
    return answer


def tags_of_new_bucket(body: bytes) -> dict[str, str]:
    """What CreateBucket asks for; other calls have no such tags."""
    if b"<CreateBucketConfiguration" not in body:
        return {}
    tags = ElementTree.fromstring(body).findall("{*}Tags/{*}Tag")
    return {one.findtext("{*}Key", ""): one.findtext("{*}Value", "") for one in tags}


@corrected(FakeBucket)
def get_permission(original: Original, bucket: Any, action: str, resource: str) -> Any:
    """By the statements that apply here; every request in the sandbox counts as sent over TLS."""
    if not bucket.policy:
        return original(action, resource)
    document = json.loads(bucket.policy)
    applying = [one for one in document["Statement"] if not _only_without_tls(one)]
    if not applying:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**document, "Statement": applying})).is_action_permitted(action, resource)


def _only_without_tls(statement: dict[str, Any]) -> bool:
    condition = statement.get("Condition", {}).get("Bool", {})
    return str(condition.get("aws:SecureTransport", "")).lower() == "false"
