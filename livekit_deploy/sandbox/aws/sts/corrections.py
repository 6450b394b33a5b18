"""STS: an access key tells its account, and presigned calls, which EKS tokens hold, tell who signed them.

The account's number is the end of the access key: ``AKIA123456789012`` is the sandbox's user in account 123456789012.
Where others can reach it, the sandbox's key stands before that (see `serving.seal`). moto has one account for all keys.
Source: STS API reference, GetCallerIdentity; Signature Version 4, "Authenticating requests: using query parameters".
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

import moto.iam.models
from moto.core.responses import BaseResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.sts.models import STSBackend

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()

_FORM = r"A[KS]IA(?:[0-9A-F]{32})?(\d{12})"
_KEY = re.compile(_FORM)
_CREDENTIAL = re.compile(rf"Credential=({_FORM})/")
USER = "sandbox"


@corrected(BaseResponse)
def get_access_key(original: Original, response: Any) -> Any:
    """moto knows a key only by its 20 characters, which ours does not have."""
    found = _CREDENTIAL.search(response.headers.get("Authorization", ""))
    return found[1] if found else original()


@corrected(STSBackend)
def get_caller_identity(original: Original, backend: Any, access_key_id: str, region: str) -> tuple[str, str, str]:
    user, arn, account = original(access_key_id, region)
    if arn.endswith(":user/moto"):  # moto's default is no ARN that IAM would give
        arn = f"arn:{backend.partition}:iam::{account}:user/{USER}"
    return user, arn, account


@corrected(DomainDispatcherApplication, "__call__")
def call(original: Original, app: Any, environ: dict[str, Any], start_response: Any) -> Any:
    credential = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0]
    if "/sts/" in credential and "HTTP_AUTHORIZATION" not in environ:
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host"
    return original(environ, start_response)


def install() -> None:
    """Correct STS, and how moto finds the account of a key for every service."""
    corrected.install()
    told = moto.iam.models.get_account_id_from

    def get_account_id_from(access_key: str) -> str:
        found = _KEY.fullmatch(access_key)
        return found[1] if found else told(access_key)

    moto.iam.models.get_account_id_from = get_account_id_from
