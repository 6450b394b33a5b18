"""Every service, operation and parameter that the product names is one that botocore's models have."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from livekit_deploy.aws.access.services import NAMES
from tests.service_operations import operations, sources


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    """(call, service, operation) of each ``….ec2.create_vpc(…)`` and ``….ec2.pages("describe_vpcs", …)``."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, operation = node.func.value, node.func.attr
        if not (isinstance(owner, ast.Attribute) and owner.attr in NAMES):
            continue
        if operation == "pages" and isinstance(node.args[0], ast.Constant):
            yield node, owner.attr, str(node.args[0].value)
        elif operation != "pages":
            yield node, owner.attr, operation


def wrong(tree: ast.AST) -> Iterator[str]:
    """What calls name and AWS does not have."""
    for node, service, operation in _calls(tree):
        model = operations(service).get(operation)
        if model is None:
            yield f"{node.lineno}: {service} has no operation {operation}"
            continue
        taken = set(model.input_shape.members) if model.input_shape is not None else set()
        given = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
        yield from (f"{node.lineno}: {service}.{operation} takes no {name}" for name in sorted(given - taken))
        keys = [arg.value for arg in node.args[1:] if isinstance(arg, ast.Constant)]
        there = model.output_shape.members if model.output_shape is not None else ()
        yield from (f"{node.lineno}: {service}.{operation} answers no {key!s}" for key in keys if key not in there)


def test_each_call_names_an_operation_and_parameters_that_there_are() -> None:
    found = {path: list(wrong(tree)) for path, tree in sources().items()}
    assert {path: said for path, said in found.items() if said} == {}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("cloud.ec2.create_vpc(CidrBlok='10.0.0.0/16')", "1: ec2.create_vpc takes no CidrBlok"),
        ("cloud.ec2.create_vcp(CidrBlock='10.0.0.0/16')", "1: ec2 has no operation create_vcp"),
        ("cloud.ec2.pages('describe_vpc', 'Vpcs')", "1: ec2 has no operation describe_vpc"),
        ("cloud.ec2.pages('describe_vpcs', 'Vpc')", "1: ec2.describe_vpcs answers no Vpc"),
        ("cloud.once.ec2.create_vpc(CidrBlok='10.0.0.0/16')", "1: ec2.create_vpc takes no CidrBlok"),
        ("cloud.ec2.create_vpc(CidrBlock='10.0.0.0/16')", None),
    ],
)
def test_a_typing_mistake_is_found(call: str, said: str | None) -> None:
    assert list(wrong(ast.parse(call))) == ([said] if said else [])
