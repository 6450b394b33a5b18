"""Errors that botocore raises on this machine, without an answer of AWS: what each means, and its remedy.

Every class of botocore's and boto3's stands in the table, by its name, since older versions lack the newer ones: a
test finds one that does not. What leaks out of credential providers as a class of Python's is told as theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from livekit_deploy import errors
from livekit_deploy.aws.errors.login import AGAIN, Login
from livekit_deploy.aws.errors.translation import action_of, translate

#: modules that get credentials: an error of Python's that comes out of them is one of the credentials
_PROVIDERS = {"botocore.credentials", "botocore.tokens", "botocore.configloader", "botocore.configprovider"}


@dataclass(frozen=True)
class Meaning:
    """``remedy`` may name {again}, {profile}, {config} and {credentials}; ``said`` comes before botocore's words."""

    error: type[errors.AnsweredError]
    said: str
    remedy: str

    def of(self, error: Exception, login: Login, about: str = "") -> errors.AnsweredError:
        """Our error for one of botocore's."""
        remedy = self.remedy.format(
            again=login.again(), profile=login.name, config=login.config, credentials=login.credentials
        )
        return self.error(f"{about}{self.said}: {_words(error)}", code=type(error).__name__, hint=remedy)


def _credentials(remedy: str, said: str = "no usable AWS credentials") -> Meaning:
    return Meaning(errors.CredentialsError, said, remedy)


def _of(meaning: Meaning, *names: str) -> dict[str, Meaning]:
    return dict.fromkeys(names, meaning)


_LOG_IN = "log in: {again}; then " + AGAIN
_MACHINE = "look at the role of this machine or container, and at AWS_EC2_METADATA_… and AWS_CONTAINER_… variables"
_SETTINGS = "correct it in profile {profile} of {config}, or in the AWS_… variables of the environment"
_WHERE = (
    "look at the region, at AWS_ENDPOINT_URL… and at use_fips_endpoint and use_dualstack_endpoint in profile {profile} "
    "of {config}"
)
_MISTAKE = "internal error: report it with what -vv prints; what was made is recorded"
_NETWORK = "check the network, its proxy (HTTPS_PROXY) and the time limit of a firewall, and " + AGAIN

#: what a provider lets through: a command that is not there, an output that is no JSON, no terminal to ask on
_LEAKED = _credentials("check the settings of profile {profile} in {config}; {again}")
_ROUND = Meaning(errors.Unavailable, "every answer redirects to the same address again", _WHERE)
MEANINGS: Mapping[str, Meaning] = {
    # ---- credentials
    **_of(_credentials(_LOG_IN), "NoCredentialsError", "NoAuthTokenError", "CredentialRetrievalError"),
    **_of(_credentials(_LOG_IN), "SSOError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError"),
    **_of(_credentials(_LOG_IN), "LoginError", "LoginRefreshRequired", "LoginTokenLoadError"),
    **_of(_credentials(_LOG_IN), "LoginAuthorizationCodeError"),
    **_of(
        _credentials("allow signin:CreateOAuth2Token to whoever logs in; then log in: {again}"),
        "LoginInsufficientPermissions",
    ),
    **_of(
        _credentials(
            "set what it names (for keys both the key and its secret): in the environment, in {credentials} or in "
            "profile {profile} of {config}"
        ),
        "PartialCredentialsError",
    ),
    **_of(
        _credentials(
            "choose one of: aws configure list-profiles (AWS_PROFILE or --profile), or write it into {config}"
        ),
        "ProfileNotFound",
    ),
    **_of(
        _credentials("correct the credential_source or sso settings of profile {profile} in {config}"),
        *("UnknownCredentialError", "UnknownTokenProviderError"),
    ),
    **_of(
        _credentials("a session with MFA does not renew itself: start a new one: {again}; then " + AGAIN),
        "RefreshWithMFAUnsupportedError",
    ),
    **_of(_credentials(_MACHINE), "MetadataRetrievalError", "InvalidIMDSEndpointError", "InvalidIMDSEndpointModeError"),
    **_of(
        _credentials("install what it names: pip install 'botocore[crt]'", "the credentials need another package"),
        "MissingDependencyException",
    ),
    # ---- configuration
    **_of(
        _credentials("correct what it names in profile {profile} of {config}", "the AWS configuration cannot be used"),
        *("InvalidConfigError", "InfiniteLoopConfigError", "ConfigParseError"),
    ),
    **_of(
        _credentials(
            "set AWS_CONFIG_FILE to a file that exists, or unset it", "the AWS configuration file does not exist"
        ),
        "ConfigNotFound",
    ),
    **_of(
        _credentials(_SETTINGS, "the AWS configuration cannot be used"),
        *("InvalidRetryConfigurationError", "InvalidMaxRetryAttemptsError", "InvalidRetryModeError"),
        *("InvalidDefaultsMode", "InvalidProxiesConfigError", "InvalidChecksumConfigError"),
        *("InvalidS3AddressingStyleError", "InvalidS3UsEast1RegionalEndpointConfigError"),
        *("InvalidSTSRegionalEndpointsConfigError", "InvalidEndpointDiscoveryConfigurationError"),
        *("InvalidEndpointConfigurationError", "UnsupportedS3AccesspointConfigurationError"),
        *("UnsupportedS3ConfigurationError", "UnsupportedS3ControlConfigurationError"),
        *("UnknownSignatureVersionError", "UnsupportedSignatureVersionError", "InvalidCrtTransferConfigError"),
    ),
    # ---- endpoints
    **_of(
        _credentials(_WHERE, "AWS has no endpoint for this"),
        *("NoRegionError", "InvalidRegionError", "UnknownRegionError", "UnknownEndpointError", "EndpointVariantError"),
        *("UnknownFIPSEndpointError", "BaseEndpointResolverError", "EndpointProviderError", "EndpointResolutionError"),
        *("ServiceNotInRegionError", "UnknownEndpointResolutionBuiltInName"),
    ),
    # ---- the way to AWS
    **_of(
        Meaning(errors.Unavailable, "AWS cannot be reached", _NETWORK),
        *("ConnectionError", "EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError"),
        *("ReadTimeoutError", "HTTPClientError", "ResponseStreamingError", "IncompleteReadError"),
        *("CapacityNotAvailableError", "HTTPError", "RetriesExceededError"),
    ),
    **_of(
        Meaning(
            errors.Unavailable, "the proxy refused the connection", "look at HTTPS_PROXY and NO_PROXY, and " + AGAIN
        ),
        "ProxyConnectionError",
    ),
    **_of(
        Meaning(
            errors.ResourceError,
            "the certificate on the way to AWS is not trusted",
            "set AWS_CA_BUNDLE to the certificate authority of your network's proxy, and " + AGAIN,
        ),
        "SSLError",
    ),
    # ---- answers that are none
    **_of(
        Meaning(
            errors.Unavailable,
            "the answer did not come from AWS",
            "see what answers in AWS's place (a proxy, a login page of the network, AWS_ENDPOINT_URL), and " + AGAIN,
        ),
        *("ResponseParserError", "ChecksumError", "FlexibleChecksumError", "AwsChunkedWrapperError"),
        *("EventStreamError", "PaginationError"),
    ),
    # ---- what only the program can do wrong
    **_of(
        Meaning(errors.ResourceError, "the request is wrong", _MISTAKE),
        *("BotoCoreError", "Boto3Error", "ValidationError", "ParamValidationError", "MissingParametersError"),
        *("UnknownParameterError", "UnknownKeyError", "RangeError", "AliasConflictParameterError"),
        *("DataNotFoundError", "UnknownServiceError", "ApiVersionNotFoundError", "UnknownServiceStyle"),
        *("UnknownClientMethodError", "OperationNotPageableError", "InvalidDNSNameError", "InvalidHostLabelError"),
        *("InvalidExpressionError", "UnseekableStreamError", "MD5UnavailableError", "UnsupportedServiceProtocolsError"),
        *("UnsupportedOutpostResourceError", "UnsupportedS3ArnError", "UnsupportedS3ControlArnError"),
        *("WaiterError", "WaiterConfigError", "StubResponseError", "UnStubbedResponseError", "StubAssertionError"),
        *("EndpointDiscoveryException", "EndpointDiscoveryRequired", "EndpointDiscoveryRefreshFailed"),
        *("UndefinedModelAttributeError", "MissingServiceIdError", "ResourceLoadException", "NoVersionFound"),
        *("UnknownAPIVersionError", "ResourceNotExistsError", "S3TransferFailedError", "S3UploadFailedError"),
        *("DynamoDBOperationNotSupportedError", "DynamoDBNeedsConditionError", "DynamoDBNeedsKeyConditionError"),
    ),
}


@contextmanager
def translating(service: str, operation: str, login: Login) -> Iterator[None]:
    """Whatever botocore raises inside comes out as an error of ours."""
    try:
        yield
    except errors.DeployError:
        raise
    except ClientError as error:
        raise translate(error, service, operation, login) from error
    except (BotoCoreError, ResponseParserError, HTTPError) as error:
        if isinstance(inner := getattr(error, "kwargs", {}).get("error"), errors.DeployError):
            raise inner from None  # of ours, raised once there was a connection
        raise translate_local(error, service, operation, login) from error
    except Exception as error:
        if _passed(error.__traceback__, _PROVIDERS):
            raise _LEAKED.of(error, login) from error
        if isinstance(error, RecursionError) and _passed(error.__traceback__, {"botocore.utils"}):
            # botocore asks where the bucket is, and asks again for the answer to that
            raise _ROUND.of(error, login, f"{action_of(service, operation)}: ") from error
        if isinstance(error, ValueError) and _passed(
            error.__traceback__, {"botocore.args"}
        ):  # an endpoint that is none
            raise _credentials(_WHERE, "the AWS configuration cannot be used").of(error, login) from error
        raise


def translate_local(error: Exception, service: str, operation: str, login: Login | None = None) -> errors.AnsweredError:
    """The error of ours for a failure on this side."""
    login = login or Login()
    if "Invalid header value" in str(error):  # its text has the key and the signature
        return errors.CredentialsError(
            "no usable AWS credentials: the key or the token holds a line break or a blank",
            hint=f"set them without it: {login.again()}",
        )
    meaning = meaning_of(type(error))
    about = "" if meaning.error is errors.CredentialsError else f"{action_of(service, operation)}: "
    return meaning.of(error, login, about)


def meaning_of(kind: type[BaseException]) -> Meaning:
    """What a class means: its own line of the table, or that of the nearest class above it."""
    return next(MEANINGS[one.__name__] for one in (*kind.__mro__, BotoCoreError) if one.__name__ in MEANINGS)


def _words(error: Exception) -> str:
    """botocore's words, without the values that a request was made with."""
    return re.sub(r"value: .*?(?=, (?:type|valid)|\n|$)", "value: …", str(error), flags=re.DOTALL)


def _passed(trace: TracebackType | None, modules: Set[str]) -> bool:
    """Whether an error came through one of the modules."""
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") in modules:
            return True
        trace = trace.tb_next
    return False
