"""Finds unknown and mistyped fields, by the models of the Kubernetes client (``fieldValidation`` of the API)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import kubernetes.client

from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj

_LIST = re.compile(r"[Ll]ist\[(.+)\]")
_DICT = re.compile(r"[Dd]ict[\[(]str, ?(.+)[\])]")
#: what Go calls the values of JSON
_GO = {"str": "string", "int": "number", "float": "number", "bool": "bool", "list": "array", "dict": "object"}
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
    if mistyped := [one for one in found if one.wanted]:
        raise ApiError(400, f"{cannot}: {mistyped[0].decoding()}")
    unknown = [f'unknown field "{one.path}"' for one in found]
    if unknown and mode == "Strict":
        raise ApiError(400, f"{cannot}: strict decoding error: {', '.join(unknown)}")
    return unknown


def check_applied(kind: Kind, item: Obj) -> None:
    """Server-side apply knows every field that it merges: raises `ApiError` 500 for another, whatever is asked for."""
    for one in _walk(kind.model, item, "") if kind.model else ():
        what = f"expected {one.wanted}, got {one.value}" if one.wanted else "field not declared in schema"
        metadata = item["metadata"]
        where = f"{metadata.get('namespace') or ''}/{metadata['name']}; {kind.group}/{kind.version}, Kind={kind.kind}"
        said = f"failed to create typed patch object ({where}): .{one.path}: {what}"
        raise ApiError(500, said, None)


@dataclass(frozen=True)
class _Misfit:
    """A field that the kind does not have or, where another type is ``wanted``, has otherwise."""

    path: str
    wanted: str = ""
    value: Any = None

    def decoding(self) -> str:
        """As the decoder of JSON says it."""
        has = _GO.get(type(self.value).__name__, "object")
        wanted = "string" if self.wanted == "str" else self.wanted
        return f"json: cannot unmarshal {has} into Go struct field {self.path} of type {wanted}"


def _walk(model: str, value: Any, path: str) -> Iterator[_Misfit]:
    if value is None:
        return
    if found := _LIST.fullmatch(model):
        if not isinstance(value, list):
            yield _Misfit(path, "list", value)
            return
        for number, inner in enumerate(value):
            yield from _walk(found[1], inner, f"{path}[{number}]")
    elif found := _DICT.fullmatch(model):
        if not isinstance(value, dict):
            yield _Misfit(path, "map", value)
            return
        for key, inner in value.items():
            yield from _walk(found[1], inner, f"{path}.{key}")
    elif model in _PLAIN:
        if not isinstance(value, _PLAIN[model]) or (model == "int" and isinstance(value, bool)):
            yield _Misfit(path, model, value)
    else:
        yield from _walk_model(model, value, path)


def _walk_model(model: str, value: Any, path: str) -> Iterator[_Misfit]:
    known: Any = getattr(kubernetes.client, model, None)
    if not hasattr(known, "openapi_types") or not isinstance(value, dict):
        return
    names = {wire: name for name, wire in known.attribute_map.items()}
    for key, inner in value.items():
        here = f"{path}.{key}".lstrip(".")
        if key not in names:
            yield _Misfit(here)
        else:
            yield from _walk(known.openapi_types[names[key]], inner, here)
