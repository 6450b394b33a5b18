"""From a file, a preset and overrides to one `Environment`, or to errors that name the place and the remedy."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from livekit_deploy.config.checks import problems, warnings
from livekit_deploy.config.models import Environment
from livekit_deploy.config.presets import PRESETS, merged
from livekit_deploy.config.source import Where, read
from livekit_deploy.errors import ConfigError

VARIABLE = "LIVEKIT_DEPLOY__"
_NUMBER = re.compile(r"\d+\.\d+")  # a version: 1.30 is not 1.3
_SECRET = re.compile(r"(^|[._])(secret|password|passwd|token|auth_token|api_secret|(?<!secrets_)keys?)$", re.IGNORECASE)


def load_environment(
    path: Path | str, *, overrides: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> Environment:
    """Read and check one environment file.

    ``overrides`` are dotted paths with YAML values (``redis.node_type``: ``cache.m7g.large``); variables named
    ``LIVEKIT_DEPLOY__A__B`` in ``environ`` (default: the process's) do the same and lose against them.
    Raises `ConfigError` listing everything that is wrong, each with its place.
    """
    path = Path(path)
    data, where = read(path)
    layers = [data]
    for origin, given in _override_layers(overrides or {}, os.environ if environ is None else environ):
        layers.append(_nested(given, origin, where))
    told = merged(*layers)
    preset = told.get("preset", "dev")
    if preset not in PRESETS:
        raise ConfigError(
            f"there is no preset {preset!r}", where=where.get(("preset",), str(path)), hint="dev, uat or prod"
        )
    whole = merged(PRESETS[preset], {"name": path.stem}, told)
    try:
        env = Environment.model_validate(whole)
    except ValidationError as error:
        raise _refused(error, where, path) from error
    found = list(problems(env))
    if found:
        raise _listed([_said(field, text, hint, where, path) for field, text, hint in found])
    env._source = path
    env._warnings = tuple(warnings(env))
    return env


def _override_layers(overrides: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    for name, value in sorted(environ.items()):
        if name.startswith(VARIABLE):
            yield f"the variable {name}", {name.removeprefix(VARIABLE).lower().replace("__", "."): value}
    for key, value in overrides.items():
        yield f"--set {key}", {key: value}


def _nested(given: Mapping[str, str], origin: str, where: Where) -> dict[str, Any]:
    """One override as nested mappings; its place in errors is the override itself."""
    ((key, text),) = given.items()
    parts = tuple(key.split("."))
    if not all(parts):
        raise ConfigError(f"{origin}: {key!r} is not a key", hint="write it as redis.node_type=cache.m7g.large")
    if _SECRET.search(key):
        raise ConfigError(
            f"{origin} names a secret", hint="secrets are generated, or read from Secrets Manager by ARN", field=key
        )
    try:
        value: Any = text if _NUMBER.fullmatch(text) else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{origin}: the value is not YAML: {error}", hint="quote it", field=key) from error
    for number in range(1, len(parts) + 1):
        where[parts[:number]] = origin if number == len(parts) else where.get(parts[:number], origin)
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


# ---- errors


def _refused(error: ValidationError, where: Where, path: Path) -> ConfigError:
    said = []
    for item in error.errors(include_url=False, include_input=False):
        place = tuple(part for part in item["loc"] if not _branch(part))
        field = ".".join(str(part) for part in place)
        if item["type"] == "extra_forbidden":
            said.append(_said(field, f"unknown key {place[-1]!r}", _nearest(place), where, path))
        elif item["type"] == "missing":
            said.append(_said(field, f"{field} is missing", _MISSING.get(field, "add it"), where, path))
        else:
            text = item["msg"].removeprefix("Value error, ")
            said.append(_said(field, f"{field}: {text}", _allowed(item), where, path))
    return _listed(list(dict.fromkeys(said)))


_MISSING = {
    "cluster.public_cidrs": "name the address ranges that may reach the cluster's API, such as [203.0.113.0/24]",
    "livekit.domain": "the name under which LiveKit will answer, such as livekit.example.com",
    "region": "an AWS region, such as us-east-1",
}


def _branch(part: str | int) -> bool:
    """Whether a part of pydantic's location names the branch of a union instead of a key of the file."""
    return isinstance(part, str) and (part in _MODELS or "[" in part or part in ("int", "constrained-str", "tuple"))


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _models(kind)


_MODELS = {model.__name__ for model in _models(Environment)}


def _nearest(place: tuple[str | int, ...]) -> str:
    known = sorted({name for model in _at(place[:-1]) for name in model.model_fields})
    close = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known here: {', '.join(known)}" if known else "remove it"


def _at(place: tuple[str | int, ...]) -> list[type[BaseModel]]:
    """The models that may stand at a place."""
    found: list[type[BaseModel]] = [Environment]
    for part in place:
        fields = [model.model_fields[str(part)] for model in found if str(part) in model.model_fields]
        kinds = [kind for field in fields for kind in (field.annotation, *get_args(field.annotation))]
        found = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return found


def _allowed(item: Any) -> str:
    context = item.get("ctx", {})
    if "expected" in context:
        return f"allowed: {context['expected']}"
    if "pattern" in context:
        return f"it must match {context['pattern']}"
    return ""


def _said(field: str, text: str, hint: str, where: Where, path: Path) -> tuple[str, str, str, str]:
    parts: tuple[str, ...] = tuple(field.split("."))
    keyed = {tuple(str(part) for part in place): spot for place, spot in where.items()}
    while parts and parts not in keyed:
        parts = parts[:-1]
    return keyed.get(parts, str(path)), text, hint, field


def _listed(said: list[tuple[str, str, str, str]]) -> ConfigError:
    where, text, hint, field = said[0]
    if len(said) == 1:
        return ConfigError(text, where=where, hint=hint, field=field)
    lines = [f"{spot}: {words}" + (f" ({tip})" if tip else "") for spot, words, tip, _ in said]
    return ConfigError("\n  ".join([f"{len(said)} things are wrong:", *lines]), hint=hint, field=field)
