"""A call to AWS without what is worked out anew for each and nobody in these worlds looks at: most of its signature,
the endpoint that a client has anyway, its way through HTTP, and moto's search for who answers."""

from __future__ import annotations

import contextlib
import functools
import random
import uuid
from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl

from botocore import endpoint, parsers
from botocore.httpchecksum import AwsChunkedWrapper
from botocore.loaders import JSONFileLoader
from botocore.regions import EndpointRulesetResolver
from botocore.signers import RequestSigner
from moto import backend_index
from moto.core import botocore_stubber
from moto.core.request import Request, environ_key_for_header

ACCOUNT, REGION = "123456789012", "us-east-1"
KEY = f"AKIA{ACCOUNT}"
_FORM = "application/x-www-form-urlencoded"


@contextlib.contextmanager
def short() -> Iterator[None]:
    """Calls are so within."""
    with (
        mock.patch.object(RequestSigner, "handler", _signed),
        mock.patch.object(EndpointRulesetResolver, "construct_endpoint", _endpoint),
        mock.patch.object(botocore_stubber, "normalize_request", received),
        mock.patch.object(backend_index, "backend_url_patterns", _services),
        mock.patch.object(JSONFileLoader, "load_file", _read),
        mock.patch.object(parsers, "DEFAULT_TIMESTAMP_PARSER", _moment),
        mock.patch.object(endpoint, "uuid", SimpleNamespace(uuid4=_invocation)),
    ):
        yield


_services = backend_index.backend_url_patterns


_load = JSONFileLoader.load_file


@functools.cache
def _described(path: str) -> Any:
    return _load(JSONFileLoader(), path)


def _read(loader: JSONFileLoader, path: str) -> Any:
    """What describes a service is the same for all that read it: every copy of this process would pay for theirs."""
    return _described(path)


_moment = functools.lru_cache(4096)(parsers.DEFAULT_TIMESTAMP_PARSER)


def _invocation() -> uuid.UUID:
    """What botocore calls a request when it repeats it: the machine's own random numbers take long."""
    return uuid.UUID(int=random.getrandbits(128))


def call(url: str) -> None:
    """Moto looks for the service of the next request among those that answer at its address."""
    backend_index.backend_url_patterns = _answering(url.partition("?")[0])


@functools.lru_cache(4096)
def _answering(url: str) -> list[Any]:
    return [(service, address) for service, address in _services if address.match(url)]


def _signed(signer: RequestSigner, operation_name: str, request: Any, **more: Any) -> None:
    """Says who calls, and to S3 how to read what is sent; no more."""
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/{REGION}/any/aws4_request"
    if signer.signing_name == "s3":
        pieces = "X-Amz-Trailer" in request.headers
        request.headers["X-Amz-Content-SHA256"] = "STREAMING-UNSIGNED-PAYLOAD-TRAILER" if pieces else "UNSIGNED-PAYLOAD"


_resolve = EndpointRulesetResolver.construct_endpoint
_endpoints: dict[tuple[EndpointRulesetResolver, Any], Any] = {}


def _endpoint(resolver: EndpointRulesetResolver, operation_model: Any, call_args: Any, request_context: Any) -> Any:
    """Where a service is, or a bucket of it, worked out once for a client."""
    place = resolver, call_args.get("Bucket")
    if place not in _endpoints:
        _endpoints[place] = _resolve(resolver, operation_model, call_args, request_context)
    return _endpoints[place]


def received(request: Any) -> Request:
    """As moto's `normalize_request` has it: what follows from the address is built once, and a form is read here."""
    body, headers = request.body or b"", request.headers
    if isinstance(body, AwsChunkedWrapper):
        body = body.read()
    data = body.encode() if isinstance(body, str) else body
    environ = _environ(request.method, request.url).copy()
    for name, value in headers.items():
        if name.lower() != "transfer-encoding":  # all of it has been read
            environ[environ_key_for_header(name)] = value.decode() if isinstance(value, bytes) else value
    environ |= {"wsgi.input": BytesIO(data), "CONTENT_LENGTH": str(len(data))}
    made = Request(environ)
    form = environ.get("CONTENT_TYPE", "").startswith(_FORM)
    storage = made.parameter_storage_class
    pairs = parse_qsl(data.decode(), keep_blank_values=True) if form else ()
    vars(made).update(form=storage(pairs), files=storage(), stream=BytesIO(b"" if form else data))
    return made


@functools.lru_cache(4096)
def _environ(method: str, url: str) -> dict[str, Any]:
    return dict(Request.from_primitives(method, url, {}).environ)
