"""Explains why AWS does not accept the credentials, and what helps in that case.

Sources: IAM user guide, "Troubleshoot signing" and "Common errors"; Amazon EC2 and Amazon S3 API references, error
codes; AWS account management reference guide, "Enable or disable AWS Regions".
"""

from __future__ import annotations

import re

from livekit_deploy.aws.errors.login import AGAIN, Login

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
#: keys that AWS does not know; in a region that is not enabled it knows none
_UNKNOWN = {
    *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure", "InvalidToken"),
    *("InvalidSecurity", "InvalidSecurityTokenException"),
}
_SIGNATURE = {
    *("SignatureDoesNotMatch", "InvalidSignatureException", "InvalidSignature", "AuthorizationHeaderMalformed"),
    *("IncompleteSignature", "IncompleteSignatureException", "InvalidAuthorizationHeader"),
}
_MISSING = {"MissingAuthenticationToken", "MissingAuthenticationTokenException", "MissingSecurityHeader"}
_CLOCK = {"RequestTimeTooSkewed", "RequestInTheFuture"}
_TIME = re.compile(r"signature expired|not yet current|is now earlier than|is now later than", re.IGNORECASE)
_ACCOUNT = {"OptInRequired", "PendingVerification", "NotSignedUp", "SubscriptionRequiredException", "Blocked"}
_NO_REGION = {"RegionDisabledException"}
#: operations that get credentials, in botocore's name of them
_ASSUMING = {"AssumeRole": "sts:AssumeRole", "AssumeRoleWithWebIdentity": "sts:AssumeRoleWithWebIdentity"}


def unaccepted(code: str, said: str, login: Login, for_login: str) -> tuple[str, str] | None:
    """What is wrong with the credentials, and the remedy; None for an error that is not about them.

    ``for_login`` is the operation that was to get credentials for the call, "" for an answer to the call itself.
    """
    if code == "AuthFailure" and "validate the provided access credentials" not in said:
        return None
    if code in _CLOCK or (code in _SIGNATURE and _TIME.search(said)):
        return "the clock of this machine is wrong", f"set the clock (timedatectl set-ntp true), and {AGAIN}"
    if code in _EXPIRED:
        return "the AWS credentials are no longer valid", f"log in again: {login.again()}; then {AGAIN}"
    if code in _NO_REGION or (code in _UNKNOWN and login.opt_in):
        return f"the region {login.region} is not enabled in this account, or the keys are not known", _enable(login)
    if code in _UNKNOWN:
        return "AWS does not know these credentials", f"log in again: {login.again()}; then {AGAIN}"
    if code in _SIGNATURE | _MISSING:
        return (
            "the AWS credentials are incomplete",
            f"the secret key or the session token does not belong to the access key: {login.again()}",
        )
    if code in _ACCOUNT:
        return "the account cannot use this service yet", (
            "finish its registration (payment, verification) in the AWS console, or use another account"
        )
    return _not_assumed(login, for_login) if for_login else None


def _enable(login: Login) -> str:
    return (
        f"see: aws account get-region-opt-status --region-name {login.region} --region us-east-1; enable it there with "
        f"enable-region, which takes minutes, or choose another region; if it is enabled, {login.again()}"
    )


def _not_assumed(login: Login, operation: str) -> tuple[str, str]:
    """The credentials are made from others, and AWS did not make them."""
    if operation not in _ASSUMING:
        return "no usable AWS credentials", f"log in again: {login.again()}; then {AGAIN}"
    where = f"--role-arn {login.role_arn}" if login.role_arn else f"role_arn of profile {login.name} in {login.config}"
    return "the role could not be assumed", (
        f"look at {where}: its trust policy must let the caller use {_ASSUMING[operation]}, and the caller's own "
        "policies must allow it"
    )
