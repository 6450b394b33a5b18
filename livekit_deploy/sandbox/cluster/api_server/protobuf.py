"""As much of Kubernetes' protobuf as helm and kubectl send: the envelope and a few kinds.

Source: Kubernetes, "Kubernetes Protobuf encoding"; field numbers of k8s.io/api's generated.proto files.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Value = int | bytes
_MAGIC = b"k8s\x00"


class UnknownKind(Exception):
    """A kind whose protobuf form is not known here."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 2:
            length, at = _varint(data, at)
            yield number, data[at : at + length]
            at += length
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            yield number, data[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {wire}")


@dataclass(frozen=True)
class _Field:
    name: str
    convert: Callable[[Any], Any]
    many: bool = False
    mapped: bool = False


def _text(name: str, *, many: bool = False) -> _Field:
    return _Field(name, lambda value: value.decode(), many)


def _number(name: str) -> _Field:
    return _Field(name, int)


def _flag(name: str) -> _Field:
    return _Field(name, bool)


def _map(name: str, convert: Callable[[bytes], str]) -> _Field:
    def entry(value: bytes) -> tuple[str, str]:
        found = dict(_fields(value))
        return found.get(1, b"").decode(), convert(found.get(2, b""))

    return _Field(name, entry, mapped=True)


def _message(name: str, schema: dict[int, _Field], *, many: bool = False) -> _Field:
    return _Field(name, lambda value: _decode(value, schema), many)


def _time(value: bytes) -> str:
    seconds = dict(_fields(value)).get(1, 0)
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _decode(data: bytes, schema: dict[int, _Field]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        field = schema.get(number)
        if field is None:
            continue
        converted = field.convert(value)
        if field.mapped:
            found.setdefault(field.name, {})[converted[0]] = converted[1]
        elif field.many:
            found.setdefault(field.name, []).append(converted)
        elif converted not in ("", {}) and (converted != 0 or field.name == "gracePeriodSeconds"):
            found[field.name] = converted
    return found


def _utf8(value: bytes) -> str:
    return value.decode()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


_OWNER = {
    5: _text("apiVersion"),
    1: _text("kind"),
    3: _text("name"),
    4: _text("uid"),
    6: _flag("controller"),
    7: _flag("blockOwnerDeletion"),
}
_METADATA = {
    1: _text("name"),
    2: _text("generateName"),
    3: _text("namespace"),
    5: _text("uid"),
    6: _text("resourceVersion"),
    7: _number("generation"),
    8: _Field("creationTimestamp", _time),
    11: _map("labels", _utf8),
    12: _map("annotations", _utf8),
    13: _message("ownerReferences", _OWNER, many=True),
    14: _text("finalizers", many=True),
}
_OBJECT = {1: _message("metadata", _METADATA)}
_SCHEMAS: dict[str, dict[int, _Field]] = {
    "Secret": {
        **_OBJECT,
        2: _map("data", _base64),
        3: _text("type"),
        4: _map("stringData", _utf8),
        5: _flag("immutable"),
    },
    "ConfigMap": {**_OBJECT, 2: _map("data", _utf8), 3: _map("binaryData", _base64), 4: _flag("immutable")},
    "Namespace": {
        **_OBJECT,
        2: _message("spec", {1: _text("finalizers", many=True)}),
        3: _message("status", {1: _text("phase")}),
    },
    "ServiceAccount": dict(_OBJECT),
    "DeleteOptions": {
        1: _number("gracePeriodSeconds"),
        2: _message("preconditions", {1: _text("uid"), 2: _text("resourceVersion")}),
        3: _flag("orphanDependents"),
        4: _text("propagationPolicy"),
        5: _text("dryRun", many=True),
    },
}


def loads(body: bytes) -> dict[str, Any]:
    """The object in a request body; raises `UnknownKind` for one that would have to be sent as JSON."""
    if not body.startswith(_MAGIC):
        raise ValueError("this is not protobuf of Kubernetes")
    envelope = dict(_fields(body[len(_MAGIC) :]))
    named = {number: value.decode() for number, value in _fields(envelope.get(1, b""))}
    kind = named.get(2, "")
    if kind not in _SCHEMAS:
        raise UnknownKind(kind)
    return {**_decode(envelope.get(2, b""), _SCHEMAS[kind]), "apiVersion": named.get(1, ""), "kind": kind}
