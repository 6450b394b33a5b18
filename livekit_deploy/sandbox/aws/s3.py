"""S3: conditional writes that are atomic, and a TLS-only policy that does not lock everybody out.

moto checks a condition and then writes, without a lock, so that two writers may both win; it ignores the conditions
of a policy, so that one which denies plain HTTP denies everything.
Source: S3 user guide, "Conditional writes" and "Bucket policy examples".
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from livekit_deploy.sandbox.aws.patching import around

Original = Callable[..., Any]
_writing = threading.RLock()


def install() -> None:
    """Correct S3."""
    for operation in ("put_object", "delete_object"):

        @around(S3Response, operation)
        def write(original: Original, response: S3Response, *args: Any, **more: Any) -> Any:
            with _writing:
                return original(*args, **more)

    _policies()


def _policies() -> None:
    @around(FakeBucket, "get_permission")
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
