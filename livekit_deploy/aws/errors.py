"""Translates what botocore raises into our errors, by AWS error code and never by HTTP status."""

from __future__ import annotations

import re

from botocore.exceptions import (
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from livekit_deploy import errors
from livekit_deploy.aws.causes import cause_of, quota_of

_ABSENT = ("NotFound", "NotFoundException", "NotFoundFault", "NoSuchEntity")
_ABSENT_EXACT = {"NoSuchKey", "NoSuchBucket", "NoSuchHostedZone", "NoSuchChange", "404", "Gateway.NotAttached"}
_EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}
_DENIED = {"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "Forbidden"}
#: codes that ask to slow down
THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
}
_IN_USE = {
    "DependencyViolation",
    "ResourceInUseException",
    "InvalidIPAddress.InUse",
    "DeleteConflict",
    "CacheSubnetGroupInUse",
    "InvalidParameterGroupState",
    "InvalidReplicationGroupState",
    "InvalidCacheClusterState",
}
_CONFLICT = {
    "EntityAlreadyExists",
    "AlreadyExistsException",
    "ResourceAlreadyExistsException",
    "ResourceExistsException",
    "ReplicationGroupAlreadyExists",
    "CacheSubnetGroupAlreadyExists",
    "CacheParameterGroupAlreadyExists",
    "InvalidGroup.Duplicate",
    "InvalidPermission.Duplicate",
    "RouteAlreadyExists",
    "Resource.AlreadyAssociated",
    "InvalidSubnet.Conflict",
    "BucketAlreadyOwnedByYou",
}
_QUOTA = ("QuotaExceeded", "QuotaExceededException", "QuotaForCustomerExceeded", "QuotaExceededFault")
#: IAM's name of a service, where it is not boto3's
_PREFIXES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
#: operations whose right has another name (Service Authorization Reference, Amazon S3)
_RIGHTS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
_HINTS: dict[type[errors.ResourceError], str] = {
    errors.Throttled: "run the same command again later, or with a lower --parallelism",
}
_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)


def code_of(error: ClientError) -> str:
    """The AWS error code, such as ``InvalidVpcID.NotFound``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def translate(error: ClientError, service: str, operation: str) -> errors.DeployError:
    """The error of ours that stands for an answer of AWS; it keeps the code, the request id and AWS's own words."""
    code = code_of(error)
    said = error.response.get("Error", {}).get("Message", "") or code
    request_id = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    action = _action(service, error.operation_name)
    message = f"{action}: {said} ({code})"
    if code in _EXPIRED:
        return errors.CredentialsError(
            f"the AWS credentials are no longer valid: {message}", hint="log in again and run the same command"
        )
    kind = _kind(code)
    known = quota_of(code, error.operation_name) if kind is errors.QuotaExceeded else cause_of(code, said)
    hint = known.remedy if known else _HINTS.get(kind, "")
    if kind is errors.Denied:
        hint = _allow(said, action)
    elif not hint:
        hint = f"run the same command again; if it stays, look up {code} in the API reference of {action}"
    return kind(message, code=code, request_id=request_id, hint=hint, likely=known.likely if known else "")


def _kind(code: str) -> type[errors.ResourceError]:
    if code in _ABSENT_EXACT or code.endswith(_ABSENT):
        return errors.Absent
    if code in _DENIED:
        return errors.Denied
    if code in THROTTLED:
        return errors.Throttled
    if code in _IN_USE:
        return errors.InUse
    if code in _CONFLICT or code.endswith("AlreadyExists"):
        return errors.Conflict
    if "LimitExceeded" in code or code.endswith(_QUOTA):
        return errors.QuotaExceeded
    return errors.ResourceError


def _action(service: str, operation: str) -> str:
    """The action as IAM calls it: ``elasticloadbalancing:DescribeLoadBalancers``."""
    name = operation if operation[:1].isupper() else operation.title().replace("_", "")
    return f"{_PREFIXES.get(service, service)}:{name}"


def _allow(said: str, action: str) -> str:
    """Which action to allow to whom, as AWS says it, or else as it was asked for."""
    denied = re.search(r"perform: ([\w-]+:\w+)", said)
    who = re.search(r"User: (arn:\S+)", said)
    principal = who[1] if who else "the principal that runs this"
    right = denied[1] if denied else _RIGHTS.get(action, action)
    return f"allow the action {right} to {principal} (livekit-deploy iam-policy prints all)"


def translate_local(error: Exception, service: str, operation: str) -> errors.DeployError:
    """The error of ours for a failure on this side: no credentials, no network, an answer that cannot be read."""
    if isinstance(error, _CREDENTIALS):
        return errors.CredentialsError(
            f"no usable AWS credentials: {error}",
            hint="set AWS_PROFILE or --profile, log in (aws sso login, or your own tool), or rehearse with --sandbox",
        )
    return errors.ResourceError(
        f"{_action(service, operation)}: {error}", code=type(error).__name__, hint="check the network and run it again"
    )
