"""Validates cluster tokens as EKS does: presigned GetCallerIdentity requests.

Source: aws-iam-authenticator, ``pkg/token``, whose rules these are; and Signature Version 4, by which an STS takes what
is signed for its own region. The signature itself is not checked: the sandbox knows no secret keys.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

import botocore.session
from botocore.regions import EndpointResolver

_PREFIX = "k8s-aws-v1."
_LONGEST = 4 * 4096
_CLUSTER = "x-k8s-aws-id"
_SECONDS = 15 * 60  # whatever its URL says
_SIGNING = ("algorithm", "credential", "date", "expires", "security-token", "signature", "signedheaders")
_PARAMETERS = {"action", "version", *(f"x-amz-{name}" for name in _SIGNING)}


def access_key(token: str, partition: str) -> str | None:
    """The access key that signed an EKS token; None for what EKS does not take for a token of this partition."""
    if not token.startswith(_PREFIX) or len(token) > _LONGEST:
        return None
    try:
        text = token.removeprefix(_PREFIX)
        url = urlsplit(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
        asked = {key.lower(): values for key, values in parse_qs(url.query, strict_parsing=True).items()}
        query = {key: values[0] for key, values in asked.items() if len(values) == 1}
        whole = query.keys() == asked.keys() <= _PARAMETERS
        return query["x-amz-credential"].split("/")[0] if whole and _good(url, query, partition) else None
    except (binascii.Error, UnicodeDecodeError, KeyError, ValueError, IndexError):
        return None


def _good(url: SplitResult, query: Mapping[str, str], partition: str) -> bool:
    signed = datetime.datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    age = (datetime.datetime.now(datetime.UTC) - signed).total_seconds()
    return (
        (url.scheme, url.path) == ("https", "/")
        and _hosts(partition).get(url.netloc) == query["x-amz-credential"].split("/")[2]
        and query["action"] == "GetCallerIdentity"
        and _CLUSTER in query["x-amz-signedheaders"].lower().split(";")
        and 0 <= int(query["x-amz-expires"]) <= _SECONDS
        and abs(age) <= _SECONDS
    )


@functools.cache
def _hosts(partition: str) -> Mapping[str, str]:
    """Each host of STS in a partition, with the region that it takes signatures for."""
    resolver = EndpointResolver(botocore.session.get_session().get_data("endpoints"))
    names = resolver.get_available_endpoints("sts", partition, allow_non_regional=True)
    found = [(name, resolver.construct_endpoint("sts", name, partition)) for name in names]
    return {one["hostname"]: one.get("credentialScope", {}).get("region", name) for name, one in found}
