"""STS over HTTP: accepts presigned calls, which EKS tokens hold.

Source: Signature Version 4, "Authenticating requests: using query parameters".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from livekit_deploy.sandbox.aws.every_service.patching import around

Original = Callable[..., Any]


def install() -> None:
    """Let moto's server see who signed a presigned call to STS."""

    @around(DomainDispatcherApplication, "__call__")
    def call(original: Original, app: Any, environ: dict[str, Any], start_response: Any) -> Any:
        credential = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0]
        if "/sts/" in credential and "HTTP_AUTHORIZATION" not in environ:
            environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host"
        return original(environ, start_response)
