"""Hints that tell to put a value into a field."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter

from livekit_deploy.config import Environment

PUT = "\N{BULLET}"  # where a text puts a value in


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


def takes(field: str, value: str) -> None:
    """Raise what the file would say to a value, or `KeyError` for a field that there is not."""
    annotation: Any = Environment
    found: Any = None
    for key in field.split("."):
        found = next(model.model_fields[key] for model in _models(annotation) if key in model.model_fields)
        annotation = found.annotation
    TypeAdapter(typing.Annotated[annotation, found]).validate_python(yaml.safe_load(value))
