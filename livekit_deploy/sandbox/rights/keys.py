"""KMS permissions: a key's tags take effect after a while, and its key policy may allow access besides IAM.

Source: KMS developer guide, "ABAC for AWS KMS" (a change of tags may take five minutes to affect authorization) and
"Key policies in AWS KMS".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.kms.models import KmsBackend

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, kept
from livekit_deploy.sandbox.aws.iam.policy_statements import Context, Statement, applies, listed, read
from livekit_deploy.sandbox.clock import clock

SPREADS = 300.0  # AWS's seconds
corrected = Corrections()
install = corrected.install


@corrected(KmsBackend)
def create_key(original: Callable[..., Any], backend: KmsBackend, *args: Any, **more: Any) -> Any:
    key = original(*args, **more)
    _tagged(backend)[key.id] = clock().now()
    return key


@corrected(KmsBackend)
def tag_resource(original: Callable[..., Any], backend: KmsBackend, arn: str, *args: Any, **more: Any) -> Any:
    said = original(arn, *args, **more)
    _tagged(backend)[arn.rpartition("/")[2]] = clock().now()
    return said


def _tagged(backend: KmsBackend) -> dict[str, float]:
    found: dict[str, float] = kept(backend, "tagged", dict)
    return found


def effective(backend: KmsBackend, key: Any) -> Mapping[str, str]:
    """The tags of a key that count for rights by now."""
    since = _tagged(backend).get(key.id)
    if since is not None and not clock().passed(since, SPREADS):
        return {}
    found: Mapping[str, str] = backend.tagger.get_tag_dict_for_resource(key.id)
    return found


def let_in(policy: str, principal: str, action: str, context: Context) -> tuple[set[str], bool]:
    """What a key's policy says itself to ``principal`` (its effects), and whether it leaves the rest to IAM."""
    account = principal.split(":")[4]
    own, delegated = set[str](), False
    for statement in read(policy):
        said = statement.get("Principal")
        names = ["*"] if said == "*" else listed(said.get("AWS")) if isinstance(said, Mapping) else []
        if not applies(_anywhere(statement), action, "*", context):
            continue
        if principal in names or "*" in names:
            own.add(statement["Effect"])
        delegated |= any(name == account or name.endswith(f"::{account}:root") for name in names)
    return own, delegated


def _anywhere(statement: Statement) -> Statement:
    return {**statement, "Resource": "*"}
