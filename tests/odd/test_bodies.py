"""Whatever comes in place of an answer, a list is never taken for empty and nothing is a mistake of the program.

Generated from botocore's models: every list that the product pages through, in its service's own protocol.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

import livekit_deploy
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.errors.translation import action_of
from livekit_deploy.errors import DeployError
from tests.aws.rig import REGION, sharing
from tests.fakes import FakeClock

_PAGES = re.compile(r"cloud\.(\w+)\.pages\(\s*\"(\w+)\",\s*\"(\w+)\"|_s3\.pages\(\"(\w+)\", \"(\w+)\"")
_SOURCES = Path(livekit_deploy.__file__).parent


def _lists() -> set[tuple[str, str, str]]:
    """(service, operation, list) of everything that is paged through."""
    text = "".join(path.read_text(encoding="utf-8") for path in _SOURCES.rglob("*.py") if "sandbox" not in path.parts)
    return {(a or "s3", b or d, c or e) for a, b, c, d, e in _PAGES.findall(text)}


LISTS = sorted(_lists())
#: what a proxy, a captive portal, or a store that is not AWS's may answer with status 200
ANYWHERE = (
    *(b"", b"{}", b"[]", b"null", b'"text"', b"5", b"not JSON", b"<html><body>Log in</body></html>", b"<html><br>"),
)


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class _Aws:
    """Answers every request with the same body."""

    def __init__(self) -> None:
        self.body = b""
        self.clients = Clients(REGION, instrument=self._watch, clock=FakeClock(), opened=sharing())
        self.cloud = Cloud(self.clients, OwnershipTags("livekit", "uat"))

    def _watch(self, client: Any) -> None:
        client.meta.events.register("before-send.*.*", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {"x-amzn-requestid": "r-1", "x-amz-request-id": "r-1"}, _Raw(self.body))

    def asked(self, service: str, operation: str, key: str) -> list[Any]:
        model = self.clients(service, retries=False).meta.service_model.operation_model(
            self.clients(service, retries=False).meta.method_to_api_mapping[operation]
        )
        shape = model.input_shape
        parameters = {name: _value(shape.members[name]) for name in (shape.required_members if shape else ())}
        return self.cloud.once.service(service).pages(operation, key, **parameters)


def _value(shape: Any) -> Any:
    """Something that a parameter may be."""
    if shape.type_name == "list":
        return [_value(shape.member)]
    if shape.type_name == "structure":
        return {name: _value(shape.members[name]) for name in shape.required_members}
    return {"integer": 5, "long": 5, "boolean": True}.get(shape.type_name, "long enough for any parameter")


@pytest.fixture(scope="module")
def aws() -> Iterator[_Aws]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIA123456789012")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        yield _Aws()


def _bodies(aws: _Aws, service: str, operation: str, key: str) -> Iterator[bytes]:
    yield from ANYWHERE
    model = aws.clients(service, retries=False).meta.service_model
    output = model.operation_model(
        aws.clients(service, retries=False).meta.method_to_api_mapping[operation]
    ).output_shape
    name = output.members[key].serialization.get("name", key)
    if model.protocol in ("json", "rest-json"):
        for value in ("null", '"text"', "5", "true", "[null]", "[5]", "{}", '{"a": 1}', "[[]]"):
            yield f'{{"{name}": {value}}}'.encode()
    else:
        for inner in ("", "text", "<a/>", "<item/>", "<member>x</member>"):
            yield f"<Answer><{name}2>{inner}</{name}2></Answer>".encode()
    yield f"<{operation}>".encode()


def _said(aws: _Aws, service: str, operation: str, key: str) -> str:
    """What is said of an answer, "" where there is nothing to say."""
    try:
        aws.asked(service, operation, key)
    except DeployError as error:
        return error.message if error.hint else ""
    return ""


@pytest.mark.parametrize(("service", "operation", "key"), LISTS, ids=[f"{a}-{b}" for a, b, _ in LISTS])
def test_what_is_no_answer_is_not_an_empty_list(aws: _Aws, service: str, operation: str, key: str) -> None:
    call = f"{action_of(service, operation)}: ".lower()
    silent = []
    for body in _bodies(aws, service, operation, key):
        aws.body = body
        if not _said(aws, service, operation, key).lower().startswith(call):
            silent.append(body)
    assert silent == []


def test_all_lists_are_found() -> None:
    assert len(LISTS) > 30
    assert {"ec2", "eks", "iam", "elasticache", "elbv2", "s3", "kms"} <= {service for service, _, _ in LISTS}
