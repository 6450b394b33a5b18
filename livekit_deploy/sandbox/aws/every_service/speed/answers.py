"""Serializes moto's answers as moto does, but faster."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from moto.core import serialize
from moto.core.constants import MISSING
from moto.core.serialize import AttributePickerContext, ResponseSerializer
from moto.core.utils import get_value


def install() -> None:
    """For all services that describe their answers, and for all ways to write one."""
    ResponseSerializer.get_value = _value
    serialize.xmltodict = SimpleNamespace(unparse=_xml)


_Find = Callable[[Any], Any]
_finds: dict[tuple[type, Any, str], _Find] = {}
_transforms: dict[tuple[int, str], Callable[[Any], Any] | None] = {}


def _value(writer: Any, obj: Any, key: str, shape: Any) -> Any:
    """A member of an object, in the form that the service gives to what stands at its place in an answer."""
    place = type(obj), shape, key
    if place not in _finds:
        model = writer.operation_model
        context = AttributePickerContext(obj, key, shape, model, model.service_model, "")
        _finds[place] = _find(type(obj), tuple(dict.fromkeys(writer._value_picker.get_possible_keys(context))))
    value = _finds[place](obj)
    transforms = writer._value_picker.response_transformers
    if not transforms:
        return value
    path = f"{'.'.join(writer.path)}.{key}"
    end = id(transforms), path  # a service has one dictionary of them, for ever
    if end not in _transforms:
        _transforms[end] = next((one for tail, one in transforms.items() if path.endswith(tail)), None)
    transform = _transforms[end]
    return transform(value) if transform else value


def _find(kind: type, names: tuple[str, ...]) -> _Find:
    """Look under names that follow from the class of an object and the shape of its answer, never from the object."""
    look: Any = get_value
    if not any("." in name for name in names):
        look = dict.get if kind is dict else get_value if hasattr(kind, "__getitem__") else getattr

    def found(obj: Any) -> Any:
        for name in names:
            if (value := look(obj, name, MISSING)) is not MISSING:
                return value
        return None

    return found


def _xml(document: dict[str, Any], *, full_document: bool, short_empty_elements: bool, **_: Any) -> str:
    """A document as xmltodict has it: a key with an ``@`` holds an attribute, and ``#text`` the element's text."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n'] if full_document else []
    for name, value in document.items():
        _write(name, value, parts, "/>" if short_empty_elements else "")
    return "".join(parts)


def _write(name: str, value: Any, parts: list[str], short: str) -> None:
    """One element, or one for each of several values; an empty one ends with ``short`` where that is given."""
    for one in value if isinstance(value, list | tuple) else (value,):
        begun, attributes = len(parts), ""
        parts.append("")
        if isinstance(one, dict):
            for key, inner in one.items():
                if key.startswith("@"):
                    attributes += f" {key[1:]}={quoteattr(_text(inner))}"
                elif key == "#text":
                    parts.append(escape(_text(inner)))
                elif inner != []:
                    _write(key, inner, parts, short)
        elif text := _text(one):
            parts.append(escape(text))
        empty = len(parts) == begun + 1
        parts[begun] = f"<{name}{attributes}" + (short if empty and short else ">")
        if not empty or not short:
            parts.append(f"</{name}>")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
