"""Unknown and mistyped fields, told by the models of the Kubernetes client (``fieldValidation`` of the API)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import kubernetes.client

from livekit_deploy.sandbox.cluster.errors import ApiError
from livekit_deploy.sandbox.cluster.kinds import Kind

_LIST = re.compile(r"[Ll]ist\[(.+)\]")
_DICT = re.compile(r"[Dd]ict[\[(]str, ?(.+)[\])]")
_PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "bool": (bool,), "float": (int, float)}


def check_fields(kind: Kind, item: Any, mode: str) -> list[str]:
    """Warnings about fields that the kind does not have.

    Raises `ApiError` 400 for a value of the wrong type, and for an unknown field when ``mode`` is Strict.
    """
    if not isinstance(item, dict):
        raise ApiError(400, "the object provided is unrecognized")
    if not kind.model or mode == "Ignore":
        return []
    found = list(_walk(kind.model, item, ""))
    cannot = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'
    mistyped = [said for wrong, said in found if wrong]
    if mistyped:
        raise ApiError(400, f"{cannot}: {mistyped[0]}")
    unknown = [said for _, said in found]
    if unknown and mode == "Strict":
        raise ApiError(400, f"{cannot}: strict decoding error: {', '.join(unknown)}")
    return unknown


def _walk(model: str, value: Any, path: str) -> Iterator[tuple[bool, str]]:
    """(is it of the wrong type, what is wrong)"""
    if value is None:
        return
    if found := _LIST.fullmatch(model):
        if not isinstance(value, list):
            yield True, _mistyped(path, "list", value)
            return
        for number, inner in enumerate(value):
            yield from _walk(found[1], inner, f"{path}[{number}]")
    elif found := _DICT.fullmatch(model):
        if not isinstance(value, dict):
            yield True, _mistyped(path, "map", value)
            return
        for key, inner in value.items():
            yield from _walk(found[1], inner, f"{path}.{key}")
    elif model in _PLAIN:
        if not isinstance(value, _PLAIN[model]) or (model == "int" and isinstance(value, bool)):
            yield True, _mistyped(path, model, value)
    else:
        yield from _walk_model(model, value, path)


def _walk_model(model: str, value: Any, path: str) -> Iterator[tuple[bool, str]]:
    known: Any = getattr(kubernetes.client, model, None)
    if not hasattr(known, "openapi_types") or not isinstance(value, dict):
        return
    names = {wire: name for name, wire in known.attribute_map.items()}
    for key, inner in value.items():
        here = f"{path}.{key}".lstrip(".")
        if key not in names:
            yield False, f'unknown field "{here}"'
        else:
            yield from _walk(known.openapi_types[names[key]], inner, here)


def _mistyped(path: str, wanted: str, value: Any) -> str:
    return f"json: cannot unmarshal {type(value).__name__} into Go struct field {path} of type {wanted}"
