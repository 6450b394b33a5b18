"""What AWS's error codes mean here, whatever the HTTP status: by code, by its ending, or by code and message.

Sources: the common errors and the operations' errors of each service's API reference, as botocore's models hold them
(a test compares the two); Amazon EC2 API reference, "Error codes"; Amazon S3 API reference, "Error responses"; AWS
SDKs and tools reference guide, "Retry behavior". What EC2 says of the parts of others' gateways: terraform-provider-aws
and kops, which wait for the same.
"""

from __future__ import annotations

import re

from livekit_deploy import errors

#: codes that ask to slow down
THROTTLED = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
        *("RequestLimitExceeded", "TooManyRequestsException", "SlowDown", "PriorRequestNotComplete"),
        *("BandwidthLimitExceeded", "EC2ThrottledException", "429"),
        *("ProvisionedThroughputExceededException", "TransactionInProgressException"),
    }
)
_UNAVAILABLE = {
    *("InternalError", "InternalFailure", "InternalErrorException", "InternalServerError", "InternalServerException"),
    *("InternalServiceError", "InternalServiceException", "ServerException", "ServiceException", "ServiceFailure"),
    *("ServiceUnavailable", "ServiceUnavailableException", "Unavailable", "UnavailableException", "HealthUnavailable"),
    *("KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException", "RequestTimeoutException"),
    *("RequestTimeout", "OpenIdIdpCommunicationError", "PaginationTokenExpiredException", "ExpiredNextTokenException"),
    *("500", "502", "503", "504"),
}
_BUSY = {
    *("OperationAborted", "OperationAbortedException", "ConcurrentModification", "ConcurrentModificationException"),
    *("ConflictException", "ConcurrentTagAccess"),
}
_ABSENT = ("NotFound", "NotFoundException", "NotFoundFault", "NoSuchEntity", "NoSuchResourceException")
_ABSENT_EXACT = {"NoSuchKey", "NoSuchBucket", "NoSuchHostedZone", "NoSuchChange", "404", "Gateway.NotAttached"}
_DENIED = {
    *("403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "Forbidden"),
    *("AuthFailure", "NotAuthorized", "UnauthorizedAccess", "AccountProblem", "AllAccessDisabled"),
}
_IN_USE = ("InUse", "InUseException", "InUseFault")
_IN_USE_EXACT = {
    *("DependencyViolation", "DeleteConflict", "IncorrectState", "HostedZoneNotEmpty"),
    *("InvalidParameterGroupState", "InvalidReplicationGroupState", "InvalidCacheClusterState"),
    *("InvalidCacheParameterGroupState", "InvalidCacheSecurityGroupState", "InvalidUserGroupState"),
}
_CONFLICT = ("AlreadyExists", "AlreadyExistsException", "AlreadyExistsFault", ".Duplicate")
_CONFLICT_EXACT = {
    *("ResourceExistsException", "Resource.AlreadyAssociated", "InvalidSubnet.Conflict", "BucketAlreadyOwnedByYou"),
}
_QUOTA = re.compile(r"LimitExceeded|Quota\w*Exceeded|InstanceCountExceeded|^TooMany(Buckets|TagsException)$")
#: the request as it stands is refused: the same request gets the same answer
REFUSED = frozenset(
    {
        *("BadRequestException", "ClientException", "IllegalArgumentException", "InvalidArgument", "InvalidInput"),
        *("InvalidParameter", "InvalidParameterCombination", "InvalidParameterException", "InvalidParameterValue"),
        *("InvalidRequest", "InvalidRequestException", "InvalidStateException", "ValidationException", "InvalidTarget"),
        *("ValidationError", "MalformedPolicyDocument", "MalformedPolicyDocumentException", "MalformedPolicy"),
        *("InvalidARN", "InvalidArnException", "InvalidArgsException", "InvalidAliasNameException"),
        *("InvalidDomainName", "InvalidGrantIdException"),
        *("InvalidChangeBatch", "InvalidConfigurationRequest", "InvalidContextAssertion", "InvalidTagException"),
        *("InvalidDomainValidationOptionsException", "InvalidMarkerException", "InvalidNextTokenException"),
        *("InvalidSubnet", "InvalidVPCNetworkStateFault", "InvalidKMSKeyFault", "InvalidObjectState"),
        *("InvalidGlobalReplicationGroupState", "InvalidServerlessCacheStateFault", "InvalidWriteOffset"),
        *("InvalidServerlessCacheSnapshotStateFault", "SnapshotFeatureNotSupportedFault", "SubnetNotAllowedFault"),
        *("CloudHsmClusterInvalidConfigurationException", "CustomKeyStoreInvalidStateException", "DisabledException"),
        *("XksKeyInvalidConfigurationException", "KMSInvalidStateException", "DecryptionFailure", "EncryptionFailure"),
        *("EncryptionTypeMismatch", "NoOperationFault", "NoSuchHealthCheck", "OperationNotPermitted", "TooManyParts"),
        *("PackedPolicyTooLarge", "PolicyEvaluation", "PolicyNotAttachable", "PreconditionNotMetException"),
        *("ServiceLinkedRoleNotFoundFault", "TagException", "TagPolicyException", "UnmodifiableEntity"),
        *("UnsupportedAvailabilityZoneException", "UnsupportedOperationException", "UnsupportedProtocol"),
        *("InsufficientCacheClusterCapacity", "InvalidLoginToken"),
    }
)
#: code, AWS's words → what it means with these
_SAID = (
    (r"AuthFailure", r"permission to access the specified resource", errors.InUse),
    (r"InvalidParameterValue", r"currently in use", errors.InUse),
    (r"InvalidCacheParameterGroupState", r"pending changes", errors.Busy),
    (r"ResourceInUseException|InvalidRequestException", r"update \S+ in progress|not in ACTIVE", errors.Busy),
    (r"ClientException", r"No cluster found for name", errors.Absent),
    (r"Invalid\w+|ClientException|ValidationException", r"not authorized to|missing permissions? for", errors.Denied),
)


def kind_of(code: str, said: str = "") -> type[errors.ResourceError]:
    """The class of ours for an answer with this code and these words."""
    for codes, words, meant in _SAID:
        if re.fullmatch(codes, code) and re.search(words, said):
            return meant
    return next((kind for kind, means in _KINDS if means(code)), errors.ResourceError)


def _absent(code: str) -> bool:
    return code in _ABSENT_EXACT or (code.endswith(_ABSENT) and code not in REFUSED)


#: in this order: a code may end as another group's do
_KINDS = (
    (errors.Throttled, THROTTLED.__contains__),
    (errors.Unavailable, _UNAVAILABLE.__contains__),
    (errors.Busy, _BUSY.__contains__),
    (errors.Absent, _absent),
    (errors.Denied, _DENIED.__contains__),
    (errors.InUse, lambda code: code in _IN_USE_EXACT or code.endswith(_IN_USE)),
    (errors.Conflict, lambda code: code in _CONFLICT_EXACT or code.endswith(_CONFLICT)),
    (errors.QuotaExceeded, lambda code: bool(_QUOTA.search(code))),
)
