"""Every service, operation and parameter that the product names is one that botocore's models have."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import botocore.session
import pytest
from botocore import xform_name

import livekit_deploy
from livekit_deploy.aws.access.service import Service
from livekit_deploy.aws.access.services import Services

_ROOT = Path(inspect.getfile(livekit_deploy)).parent
SERVICES: dict[str, type[Service]] = get_type_hints(Services)
DECLARED = [(name, operation) for name, kind in SERVICES.items() for operation in vars(kind).get("__annotations__", {})]


@cache
def _operations(service: str) -> dict[str, Any]:
    """The model of each operation of a service, by the name that boto3 gives it."""
    model = botocore.session.get_session().get_service_model(service.replace("_", "-"))
    return {xform_name(name): model.operation_model(name) for name in model.operation_names}


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    """(call, service, operation) of each ``….ec2.create_vpc(…)`` and ``….ec2.pages("describe_vpcs", …)``."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, operation = node.func.value, node.func.attr
        if not (isinstance(owner, ast.Attribute) and owner.attr in SERVICES):
            continue
        if operation == "pages" and isinstance(node.args[0], ast.Constant):
            yield node, owner.attr, str(node.args[0].value)
        elif operation in vars(SERVICES[owner.attr]).get("__annotations__", {}):
            yield node, owner.attr, operation


def wrong(tree: ast.AST) -> Iterator[str]:
    """What calls name and AWS does not have."""
    for node, service, operation in _calls(tree):
        model = _operations(service).get(operation)
        if model is None:
            yield f"{node.lineno}: {service} has no operation {operation}"
            continue
        taken = set(model.input_shape.members) if model.input_shape is not None else set()
        given = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
        yield from (f"{node.lineno}: {service}.{operation} takes no {name}" for name in sorted(given - taken))
        keys = [arg.value for arg in node.args[1:] if isinstance(arg, ast.Constant)]
        there = model.output_shape.members if model.output_shape is not None else ()
        yield from (f"{node.lineno}: {service}.{operation} answers no {key!s}" for key in keys if key not in there)


def _sources() -> dict[Path, ast.AST]:
    files = sorted(path for path in _ROOT.rglob("*.py") if "sandbox" not in path.parts)
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}


@pytest.mark.parametrize(("service", "operation"), DECLARED)
def test_each_operation_that_is_declared_is_one_of_the_service(service: str, operation: str) -> None:
    assert operation in _operations(service)


def test_each_operation_that_is_declared_is_used() -> None:
    used = {text for tree in _sources().values() for text in _words(tree)}
    assert [one for one in DECLARED if one[1] not in used] == []


def _words(tree: ast.AST) -> Iterator[str]:
    """What is written as an attribute, or as a text that `pages` or `getattr` may be given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_each_call_names_an_operation_and_parameters_that_there_are() -> None:
    found = {path.relative_to(_ROOT): list(wrong(tree)) for path, tree in _sources().items()}
    assert {path: said for path, said in found.items() if said} == {}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("cloud.ec2.create_vpc(CidrBlok='10.0.0.0/16')", "1: ec2.create_vpc takes no CidrBlok"),
        ("cloud.ec2.pages('describe_vpc', 'Vpcs')", "1: ec2 has no operation describe_vpc"),
        ("cloud.ec2.pages('describe_vpcs', 'Vpc')", "1: ec2.describe_vpcs answers no Vpc"),
        ("cloud.once.ec2.create_vpc(CidrBlok='10.0.0.0/16')", "1: ec2.create_vpc takes no CidrBlok"),
        ("cloud.ec2.create_vpc(CidrBlock='10.0.0.0/16')", None),
    ],
)
def test_a_typing_mistake_is_found(call: str, said: str | None) -> None:
    assert list(wrong(ast.parse(call))) == ([said] if said else [])
