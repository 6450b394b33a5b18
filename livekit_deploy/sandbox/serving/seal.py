"""Authenticates requests to the sandbox: its key, its own address, and only calls that an environment needs.

A page in a browser can send requests to any port of this machine. So each sandbox draws a key. It is part of the access
keys that it hands out, which every signed request names; those of users and roles that were made in it are as good.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from flask import Flask
from moto.core.config import default_user_config
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import create_backend_app

#: what somebody else switches on for an account; where the library's documentation has a kind of one's own
_MET = {"guardduty", "ssm"}
#: the services that an environment needs or meets, as moto has them; others start containers, or run what they get
SERVED = {
    *_MET,
    *("acm", "ec2", "eks", "elasticache", "elb", "iam", "kms", "logs", "pricing", "resourcegroupstaggingapi"),
    *("route53", "s3", "secretsmanager", "servicequotas", "sts"),
}
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/")
_CODE, _SAID = "InvalidClientTokenId", "The security token included in the request is invalid."
_ERROR = f"<Error><Code>{_CODE}</Code><Message>{_SAID}</Message></Error>"
_XML = f"<ErrorResponse>{_ERROR}<Errors>{_ERROR}</Errors><RequestId>sandbox</RequestId></ErrorResponse>"
_JSON = json.dumps({"__type": _CODE, "message": _SAID})


@dataclass(frozen=True)
class Seal:
    """``key`` is that of one sandbox; "" in a process whose moto nobody can reach from outside."""

    key: str = field(default="", repr=False)

    @classmethod
    def drawn(cls) -> Seal:
        """One that nobody can guess."""
        return cls(secrets.token_hex(16).upper())

    def access_key(self, account: str, kind: str = "AKIA") -> str:
        """The one of the sandbox's own user in an account."""
        return f"{kind}{self.key}{account}"

    def knows(self, access_key: str) -> bool:
        """Whether it is ours, or was made in the sandbox since."""
        own = access_key[4:-12]
        if access_key[:4] in ("AKIA", "ASIA") and access_key[-12:].isdigit() and hmac.compare_digest(own, self.key):
            return True
        accounts = list(iam_backends.values())
        return any(access_key in backend.access_keys for account in accounts for backend in list(account.values()))

    def lets_in(self, environ: Mapping[str, Any]) -> bool:
        """Whether a request to AWS (WSGI) is signed with a key that is known here."""
        asked = parse_qs(str(environ.get("QUERY_STRING", ""))).get("X-Amz-Credential", [""])[0].split("/")[0]
        found = _CREDENTIAL.search(str(environ.get("HTTP_AUTHORIZATION", "")))
        named = found[1] if found else asked
        return bool(named) and named.isascii() and self.knows(named)

    def opens(self, environ: Mapping[str, Any]) -> bool:
        """Whether a request to the sandbox itself (WSGI) has the key."""
        return hmac.compare_digest(str(environ.get("HTTP_X_SANDBOX_KEY", "")).encode(), self.key.encode())


def refuse(environ: Mapping[str, Any], start_response: Callable[..., Any], status: str) -> list[bytes]:
    """The answer to who is not let in, in a form that the caller's client of AWS reads."""
    kind = "application/json" if "json" in str(environ.get("CONTENT_TYPE", "")) else "text/xml"
    body = (_JSON if kind == "application/json" else _XML).encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("x-amzn-errortype", _CODE)]
    start_response(status, headers)
    return [body]


def served(service: Any) -> Flask:
    """moto's application for a service, one without any route for a service that no environment needs."""
    return create_backend_app(service) if service in SERVED else Flask("not served", static_folder=None)


def without_containers() -> None:
    """Let moto start none, whoever asks it to."""
    for service in ("batch", "lambda"):
        default_user_config[service]["use_docker"] = False
