"""The stub of `livekit_deploy.aws.access.services`: each operation of AWS that the product names, in its service."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name

import livekit_deploy
from livekit_deploy.aws.access.services import NAMES

_ROOT = Path(inspect.getfile(livekit_deploy)).parent
_HEAD = '''\
"""The services and operations of AWS that are used; `make schema` writes this from botocore's models and the calls."""

from abc import ABC, abstractmethod

from livekit_deploy.aws.access.service import Call, Door, Service

NAMES: tuple[str, ...]
'''
_FOOT = """
    @abstractmethod
    def service(self, name: str) -> Service: ...

class Once(Services):
    def __init__(self, door: Door) -> None: ...
    def service(self, name: str) -> Service: ...
"""


@cache
def operations(service: str) -> dict[str, Any]:
    """The model of each operation of a service, by the name that boto3 gives it."""
    model = botocore.session.get_session().get_service_model(service.replace("_", "-"))
    return {xform_name(name): model.operation_model(name) for name in model.operation_names}


@cache
def sources() -> dict[Path, ast.AST]:
    """The product's files, without the sandbox's."""
    files = sorted(path for path in _ROOT.rglob("*.py") if "sandbox" not in path.parts)
    return {path.relative_to(_ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def _words(tree: ast.AST) -> Iterator[str]:
    """What is written as an attribute, or as a text that `pages` or `getattr` may be given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def stub() -> str:
    """An operation is in it where the service has it and the product says its name."""
    said = {word for tree in sources().values() for word in _words(tree)}
    kinds = {name: name.title().replace("_", "") for name in NAMES}
    parts = [_HEAD]
    for name, kind in kinds.items():
        used = sorted(operations(name).keys() & said)
        parts.append("\n".join([f"class {kind}(Service):", *(f"    {one}: Call" for one in used)]) + "\n")
    parts.append("\n".join(["class Services(ABC):", *(f"    {name}: {kind}" for name, kind in kinds.items())]) + _FOOT)
    return "\n".join(parts)
