"""What EKS's authenticator checks of a token: who signed it, for which cluster, how long ago.

Source: aws-iam-authenticator, "API Authorization from Outside a Cluster" and pkg/token; Signature Version 4,
"Authenticating requests: using query parameters".
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import urllib.parse
from collections.abc import Callable

PREFIX = "k8s-aws-v1."
_NAME = "x-k8s-aws-id"
_MOST = datetime.timedelta(minutes=15)


class Refused(Exception):
    """It is not let in; the text says why."""


def check(token: str, cluster: str, secret: Callable[[str], str]) -> None:
    """Raises `Refused` unless the secret of its access key signed it for this cluster, less than 15 minutes ago."""
    if not token.startswith(PREFIX):
        raise Refused("it is no token of EKS")
    text = token.removeprefix(PREFIX)
    try:
        url = urllib.parse.urlsplit(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True, strict_parsing=True))
        _check_query(query)
        signature = _signature(url, query, cluster, secret(query["X-Amz-Credential"].split("/")[0]))
    except (ValueError, KeyError) as error:
        raise Refused(f"it cannot be read: {error!r}") from error
    if not hmac.compare_digest(signature, query["X-Amz-Signature"]):
        raise Refused("it is signed for another cluster, or with another secret")


def _check_query(query: dict[str, str]) -> None:
    if query.get("Action") != "GetCallerIdentity":
        raise Refused(f"it asks for {query.get('Action')}")
    if _NAME not in query["X-Amz-SignedHeaders"].split(";"):
        raise Refused("the cluster's name is not signed")
    signed = datetime.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    if not 0 <= int(query["X-Amz-Expires"]) <= _MOST.total_seconds():
        raise Refused(f"it lasts {query['X-Amz-Expires']} s")
    if datetime.datetime.now(datetime.UTC) > signed + _MOST:
        raise Refused("it is too old")


def _signature(url: urllib.parse.SplitResult, query: dict[str, str], cluster: str, secret: str) -> str:
    pairs = sorted((key, value) for key, value in query.items() if key != "X-Amz-Signature")
    asked = "&".join(
        f"{urllib.parse.quote(key, safe='-_.~')}={urllib.parse.quote(value, safe='-_.~')}" for key, value in pairs
    )
    headers = {"host": url.netloc, _NAME: cluster}
    names = query["X-Amz-SignedHeaders"].split(";")
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    nothing = hashlib.sha256(b"").hexdigest()
    request = "\n".join(["GET", url.path or "/", asked, lines, ";".join(names), nothing])
    scope = query["X-Amz-Credential"].split("/", 1)[1]
    text = "\n".join([query["X-Amz-Algorithm"], query["X-Amz-Date"], scope, _digest(request)])
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
