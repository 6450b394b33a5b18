"""Translates what botocore raises into our errors, by AWS error code and never by HTTP status."""

from __future__ import annotations

from botocore.exceptions import (
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from livekit_deploy import errors

_ABSENT = ("NotFound", "NotFoundException", "NotFoundFault", "NoSuchEntity")
_ABSENT_EXACT = {"NoSuchKey", "NoSuchBucket", "NoSuchHostedZone", "NoSuchChange", "404", "GatewayNotAttached"}
_EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}
_DENIED = {"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "Forbidden"}
_THROTTLED = {
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
    message = f"{service}:{operation}: {said} ({code})"
    if code in _EXPIRED:
        return errors.CredentialsError(
            f"the AWS credentials are no longer valid: {said}", hint="log in again and run the same command"
        )
    kind: type[errors.ResourceError] = errors.ResourceError
    hint = ""
    if code in _ABSENT_EXACT or code.endswith(_ABSENT):
        kind = errors.Absent
    elif code in _DENIED:
        kind = errors.Denied
        hint = f"allow the action {service}:{operation} to the principal that runs this"
    elif code in _THROTTLED:
        kind = errors.Throttled
        hint = "run the same command again later, or with a lower --parallelism"
    elif code in _IN_USE:
        kind = errors.InUse
    elif code in _CONFLICT or code.endswith("AlreadyExists"):
        kind = errors.Conflict
    elif "LimitExceeded" in code or code.endswith("QuotaExceeded") or code == "QuotaExceededException":
        kind = errors.QuotaExceeded
        hint = "ask for a higher quota in Service Quotas, or delete what is no longer needed"
    return kind(message, code=code, request_id=request_id, hint=hint)


def translate_local(error: Exception, service: str, operation: str) -> errors.DeployError:
    """The error of ours for a failure on this side: no credentials, no network, an answer that cannot be read."""
    if isinstance(error, _CREDENTIALS):
        return errors.CredentialsError(
            f"no usable AWS credentials: {error}",
            hint="set AWS_PROFILE or --profile, log in (aws sso login, or your own tool), or rehearse with --sandbox",
        )
    return errors.ResourceError(
        f"{service}:{operation}: {error}", code=type(error).__name__, hint="check the network and run it again"
    )
