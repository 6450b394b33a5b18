"""Translates an error answer of AWS into one of our errors; `errors.local` does this for errors without an answer."""

from __future__ import annotations

from botocore.exceptions import ClientError

from livekit_deploy import errors
from livekit_deploy.aws.errors.causes import cause_of, quota_of
from livekit_deploy.aws.errors.codes import REFUSED, kind_of
from livekit_deploy.aws.errors.denied import allow
from livekit_deploy.aws.errors.login import Login
from livekit_deploy.aws.errors.refused_credentials import unaccepted
from livekit_deploy.aws.errors.rules import Cause

#: IAM's name of a service, where it is not boto3's
_PREFIXES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
_HINTS: dict[type[errors.ResourceError], str] = {
    errors.Throttled: "run the same command again later, or with a lower --parallelism",
    errors.Unavailable: "AWS has a temporary failure (see health.aws.amazon.com): run the same command again later",
    errors.Busy: "another operation on it is in progress: run the same command again when that has ended",
    errors.Absent: "somebody deleted it, or AWS does not show it yet: run the same command again, which reads it again",
    errors.Conflict: "the same object exists already: run the same command again, which reads it again",
    errors.InUse: "something still uses it: run the same command again when that is gone",
}


def code_of(error: ClientError) -> str:
    """The AWS error code, such as ``InvalidVpcID.NotFound``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def translate(error: ClientError, service: str, operation: str, login: Login | None = None) -> errors.DeployError:
    """The error of ours that stands for an answer of AWS; it keeps the code, the request id and AWS's own words.

    ``operation`` is what was asked for: the answer may be to another, which was to get credentials for it.
    """
    code = code_of(error)
    said = error.response.get("Error", {}).get("Message", "") or code
    request_id = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    action = action_of(service, operation)
    for_login = error.operation_name.lower() != operation.replace("_", "").lower()
    message = f"{'sts:' + error.operation_name if for_login else action}: {said} ({code})"
    if found := unaccepted(code, said, login or Login(), error.operation_name if for_login else ""):
        what, remedy = found
        return errors.CredentialsError(f"{what}: {message}", code=code, request_id=request_id, hint=remedy)
    kind = kind_of(code, said)
    known = _known(kind, code, said, error.operation_name)
    hint = allow(said, action) if kind is errors.Denied else known.remedy or _HINTS.get(kind) or _look_up(code, action)
    return kind(message, code=code, request_id=request_id, hint=hint, likely=known.likely)


def _known(kind: type[errors.ResourceError], code: str, said: str, operation: str) -> Cause:
    """What is known to be behind it; whose right is missing is what AWS itself says."""
    if kind is errors.QuotaExceeded:
        return quota_of(code, operation)
    return (cause_of(code, said) if kind is not errors.Denied else None) or Cause("", "")


def action_of(service: str, operation: str) -> str:
    """The action as IAM calls it: ``elasticloadbalancing:DescribeLoadBalancers``."""
    name = operation if operation[:1].isupper() else operation.title().replace("_", "")
    return f"{_PREFIXES.get(service, service)}:{name}"


def _look_up(code: str, action: str) -> str:
    if code in REFUSED:
        return "correct what AWS names, and run the same command again"
    return f"run the same command again; if it stays, look up {code} in the API reference of {action}"
