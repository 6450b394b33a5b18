"""Every class that botocore and boto3 can raise on this side has its outcome: exit code, repeated or not, a remedy."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import string
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3.exceptions
import botocore
import botocore.exceptions
import pytest
import urllib3.exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from livekit_deploy.aws.errors.client_side import MEANINGS, meaning_of, translate_local
from livekit_deploy.aws.errors.login import Login
from livekit_deploy.errors import CredentialsError, DeployError, ResourceError, Unavailable

LOGIN = Login("uat", "us-east-1", environ={})


def _import_all() -> None:
    for module in pkgutil.iter_modules(botocore.__path__, "botocore."):
        importlib.import_module(module.name)


def _below(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _below(one)


def _classes() -> list[type[BaseException]]:
    _import_all()
    said = [
        one
        for module in (botocore.exceptions, boto3.exceptions)
        for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, Exception) and not issubclass(one, Warning)
    ]
    found = {*_below(BotoCoreError), *_below(boto3.exceptions.Boto3Error), ResponseParserError, *said}
    # an answer of AWS; `translate` has it
    return sorted(
        (one for one in found if one is not ClientError and one.__module__.startswith("boto")),
        key=lambda one: one.__name__,
    )


def _raised_in(module: ModuleType) -> set[str]:
    """The names of the exception classes of botocore that the code of a module raises."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = (
                called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            )
            found.add(name)
    return {name for name in found if hasattr(botocore.exceptions, name)}


def _made(kind: type[BaseException]) -> Exception:
    """One of the class, with something for each field of its words."""
    fields: dict[str, Any] = {}
    if hasattr(kind, "fmt"):
        fields = {name.split(".")[0]: "this" for _, name, _, _ in string.Formatter().parse(kind.fmt) if name}
    try:
        return kind(**fields)  # type: ignore[return-value]
    except TypeError:
        found = kind.__new__(kind)
        Exception.__init__(found, "words of its own")
        return found  # type: ignore[return-value]


def test_every_class_has_a_line_of_its_own() -> None:
    """A new class of a newer botocore fails here: say in the table what it means."""
    assert [one.__name__ for one in _classes() if one.__name__ not in MEANINGS] == []


@pytest.mark.parametrize("kind", _classes(), ids=lambda kind: kind.__name__)
def test_each_class_says_what_happened_and_what_helps(kind: type[BaseException]) -> None:
    error = _made(kind)
    found = translate_local(error, "ec2", "describe_vpcs", LOGIN)
    assert isinstance(found, CredentialsError | ResourceError)
    assert found.code == kind.__name__
    assert str(error).split("\n")[0][:30] in found.message
    assert found.hint
    assert "{" not in found.hint


@pytest.mark.parametrize("name", ["credentials", "tokens", "configloader", "configprovider", "regions"])
def test_what_the_code_of_credentials_and_configuration_raises_ends_with_4(name: str) -> None:
    raised = _raised_in(importlib.import_module(f"botocore.{name}"))
    kinds = [getattr(botocore.exceptions, one) for one in raised]
    assert kinds
    program = {"ParamValidationError", "InvalidHostLabelError"} | {
        one for one in raised if one.startswith("Unsupported")
    }
    wrong = {one.__name__: meaning_of(one).error for one in kinds if meaning_of(one).error.exit_code != 4}
    assert set(wrong) <= program


def test_what_the_code_of_connections_raises_passes_by_itself_but_for_a_wrong_certificate() -> None:
    from botocore import httpsession

    raised = _raised_in(httpsession)
    assert len(raised) >= 6
    stays = {name for name in raised if meaning_of(getattr(botocore.exceptions, name)).error is not Unavailable}
    assert stays == {"SSLError", "InvalidProxiesConfigError"}


def test_what_leaks_out_of_urllib3_passes_too() -> None:
    kinds = [one for one in _below(urllib3.exceptions.HTTPError) if one.__module__.startswith("urllib3")]
    assert len(kinds) > 20
    assert {meaning_of(one).error.exit_code for one in kinds} == {1}


def test_a_class_that_nobody_knows_is_told_as_a_mistake_and_not_as_the_network() -> None:
    class NewError(BotoCoreError):  # type: ignore[misc]
        fmt = "something new"

    found = translate_local(NewError(), "ec2", "describe_vpcs", LOGIN)
    del NewError
    assert "report it" in found.hint
    assert "network" not in found.hint


def test_the_values_of_a_request_are_not_told() -> None:
    client = boto3.client("secretsmanager", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
    with pytest.raises(botocore.exceptions.ParamValidationError) as caught:
        client.put_secret_value(SecretId="a", SecretString={"token": "s3cr3t"})
    found = translate_local(caught.value, "secretsmanager", "put_secret_value", LOGIN)
    assert "s3cr3t" in str(caught.value)
    assert "s3cr3t" not in found.message
    assert "SecretString" in found.message
    assert "internal error" in found.hint


def test_a_line_break_in_a_key_is_told_without_the_key() -> None:
    error = botocore.exceptions.HTTPClientError(error="Invalid header value b'AWS4 Credential=AKIAX\\n/2026'")
    found = translate_local(error, "ec2", "describe_vpcs", LOGIN)
    assert isinstance(found, CredentialsError)
    assert "AKIAX" not in f"{found.message}{found.hint}"
    assert isinstance(found, DeployError)
