"""Checks answers of a cluster's API against the models of the Kubernetes client.

Kinds that it has no model of, such as those of custom resources, are taken as they are. What is null is left out: to
Kubernetes the two are the same.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import kubernetes.client

from livekit_deploy.aws.access.answers import Answer, Fault, Items, Odd, Reader, odd

_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "bytes": ((str,), "a text"),
    "datetime": ((str,), "a time"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
}
#: what the models leave open
_MORE = {"V1ManagedFieldsEntry": {"fieldsV1": "Dict[str, object]"}}
#: what a server tells of its oldest group as release 1.1 told it, without apiVersion (apiserver, endpoints/discovery)
_UNVERSIONED = {"APIResourceList", "APIVersions"}
#: a schema of a custom resource is large, and nobody looks into one
_UNREAD = "V1JSONSchemaProps"
_OTHERWISE = {"V1Event": "CoreV1Event", "V1EventList": "CoreV1EventList"}
#: the fields of a kind that there is no model of, and of what lists it; what is in a tree may be anything
_CUSTOM = {"metadata": "V1ObjectMeta", "spec": "tree", "status": "tree"}
_CUSTOMS = {"metadata": "V1ListMeta", "items": "List[custom]"}


def checked(call: str, found: Any) -> Answer:
    """The object that a call answered with; raises `OddAnswer` where it is none."""
    if not isinstance(found, dict):
        raise odd(call, "it", "is not an object")
    if found.get("kind") in _UNVERSIONED:
        found = {"apiVersion": "v1", **found}
    for key in ("apiVersion", "kind"):
        if not isinstance(found.get(key), str):
            raise odd(call, key, "is missing")
    return _Models(call).object(found)


@functools.cache
def _fields(model: str) -> Mapping[str, str] | None:
    """Field → type of a model, None where there is no such model."""
    if model == "custom":
        return _CUSTOM
    known = None if model == _UNREAD else getattr(kubernetes.client, _OTHERWISE.get(model, model), None)
    if known is None or not hasattr(known, "openapi_types"):
        return None
    fields = {known.attribute_map[name]: kind for name, kind in known.openapi_types.items()}
    return fields | _MORE.get(model, {})


def _model(version: str, kind: str) -> str:
    """``V1beta1Ingress`` for ``networking.k8s.io/v1beta1`` and ``Ingress``."""
    return f"{version.rpartition('/')[2].capitalize()}{kind}"


class _Models(Reader):
    def object(self, found: Mapping[str, Any]) -> Answer:
        kind = found["kind"]
        listed = kind.endswith("List")
        if listed and found.get("items", ...) is None:  # Go's way to write an empty list
            found = {**found, "items": []}
        return self._structure(
            found, _fields(_model(found["apiVersion"], kind)) or (_CUSTOMS if listed else _CUSTOM), ""
        )

    def _structure(self, found: Mapping[str, Any], fields: Mapping[str, str], path: str) -> Answer:
        there = {key: value for key, value in found.items() if value is not None}
        return self._fields(there, path, lambda key, value, at: self._value(value, fields.get(key, "object"), at))

    def _value(self, value: Any, kind: str, path: str) -> Any:
        if inner := re.fullmatch(r"(?:List|Dict)\[(?:str, )?(.+)\]", kind):
            return (self._list if kind.startswith("List") else self._map)(value, inner[1], path)
        if kind in _TYPES:
            types, said = _TYPES[kind]
            if not isinstance(value, types) or (value.__class__ is bool and kind != "bool"):
                raise Odd(Fault("", f"is not {said}"))
            return value
        if kind == "tree":
            return self._tree(value, path)
        if (fields := _fields(kind)) is None:
            return value
        if not isinstance(value, dict):
            raise Odd(Fault("", "is not an object"))
        return self._structure(value, fields, path)

    def _list(self, values: Any, kind: str, path: str) -> Items:
        if not isinstance(values, list):
            raise Odd(Fault("", "is not a list"))
        return self._items(values, path, lambda value, at: self._inner(value, kind, at))

    def _map(self, values: Any, kind: str, path: str) -> Answer:
        if not isinstance(values, dict):
            raise Odd(Fault("", "is not a map"))
        return self._entries(values, path, lambda value, at: self._inner(value, kind, at))

    def _tree(self, value: Any, path: str) -> Any:
        if isinstance(value, list):
            return self._list(value, "tree", path)
        return self._structure(value, dict.fromkeys(value, "tree"), path) if isinstance(value, dict) else value

    def _inner(self, value: Any, kind: str, path: str) -> Any:
        if value is None:
            raise Odd(Fault("", "is null"))
        return self._value(value, kind, path)
