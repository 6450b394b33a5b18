"""The short way of a call ends where the long one does."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from botocore.httpchecksum import AwsChunkedWrapper
from moto.core.request import Request, normalize_request

from tests.kill.calls import received

CALLS: dict[str, Any] = {
    "a form": ("POST", "https://ec2.us-east-1.amazonaws.com/", b"Action=Describe&Filter.1.Value.1=a%20b&Empty="),
    "JSON": ("POST", "https://kms.us-east-1.amazonaws.com/", b'{"KeyId": "x"}'),
    "text": ("PUT", "https://eks.us-east-1.amazonaws.com/clusters/lk%2Fdev?a=1&b=%C3%A9", '{"a": "\u00e9"}'),
    "pieces": ("PUT", "https://bucket.s3.us-east-1.amazonaws.com/a.json", AwsChunkedWrapper),
    "nothing": ("GET", "https://bucket.s3.us-east-1.amazonaws.com/a%2Fb/c.json?versionId=1", None),
}
HEADERS = {
    "a form": {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Content-Length": "50"},
    "JSON": {"Content-Type": "application/x-amz-json-1.1"},
    "pieces": {
        "Content-Encoding": "aws-chunked",
        "Transfer-Encoding": "chunked",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    },
}


def seen(request: Request) -> dict[str, Any]:
    """What moto reads of a request."""
    ours = {"wsgi.input", "werkzeug.request", "moto.preserved_header_names"}
    return {
        **{name: value for name, value in request.environ.items() if name not in ours},
        **{"url": request.url, "raw url": request.raw_url, "args": request.args, "form": request.form},
        **{"files": request.files, "data": request.data, "values": request.values, "headers": sorted(request.headers)},
    }


@pytest.mark.parametrize("call", CALLS)
def test_moto_receives_what_it_would_have(call: str) -> None:
    def prepared() -> Any:
        method, url, body = CALLS[call]
        headers = HTTPHeaders()
        headers["User-Agent"], headers["X-Amz-Date"] = "tests", b"20260101T000000Z"
        for name, value in HEADERS.get(call, {}).items():
            headers[name] = value
        if body is AwsChunkedWrapper:
            body = AwsChunkedWrapper(BytesIO(b"document"))
        return AWSPreparedRequest(method, url, headers, body, False)

    assert seen(received(prepared())) == seen(normalize_request(prepared()))
