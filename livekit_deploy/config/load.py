"""From a file, a preset and overrides to one `Environment`, or to errors that name the place and the remedy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from livekit_deploy.config.checks import problems, warnings
from livekit_deploy.config.models import Environment
from livekit_deploy.config.presets import PRESETS, merged
from livekit_deploy.config.refusals import listed, misfit, secrets_typed
from livekit_deploy.config.source import Where, read
from livekit_deploy.config.source import value as yaml_value
from livekit_deploy.config.typed_secrets import names_a_secret, typed
from livekit_deploy.errors import ConfigError

VARIABLE = "LIVEKIT_DEPLOY__"
_AS_TEXT = re.compile(r"\d+\.\d+|\d{12}")  # a version, of which 1.30 is not 1.3; an account
_EXAMPLE = "write it as redis.node_type=cache.m7g.large"


def load_environment(
    path: Path | str,
    *,
    overrides: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    today: date | None = None,
) -> Environment:
    """Read and check one environment file.

    ``overrides`` are dotted paths with YAML values (``redis.node_type``: ``cache.m7g.large``); variables named
    ``LIVEKIT_DEPLOY__A__B`` in ``environ`` (default: the process's) do the same and lose against them. Versions of
    EKS are judged as of ``today``.
    Raises `ConfigError` listing everything that is wrong, each with its place.
    """
    path, today = Path(path), today or date.today()
    told, where = layered(path, overrides or {}, os.environ if environ is None else environ)
    if secrets := list(typed(told)):
        raise listed(list(secrets_typed(secrets)), where, path)
    whole = merged(_preset(told, where, path), {"name": path.stem}, told)
    try:
        env = Environment.model_validate(whole)
    except ValidationError as error:
        raise misfit(error, where, path) from None
    if found := list(problems(env, today)):
        raise listed(found, where, path)
    env._source = path
    env._places = {".".join(map(str, key)): spot for key, spot in where.items()}
    env._warnings = tuple(warnings(env, today))
    return env


def layered(path: Path, overrides: Mapping[str, str], environ: Mapping[str, str]) -> tuple[dict[str, Any], Where]:
    """The file with what overrides it, not yet checked, and where each key was set. Raises `ConfigError`."""
    data, where = read(path)
    layers = [data, *(_nested(*given, where) for given in _given(overrides, environ))]
    return merged(*layers), where


def _preset(told: Mapping[str, Any], where: Where, path: Path) -> dict[str, Any]:
    name = told.get("preset", "dev")
    if not isinstance(name, str) or name not in PRESETS:
        wrong = "there is no preset of that name" if name is None else f"there is no preset {name!r}"
        raise listed([("preset", wrong, "dev, uat or prod")], where, path)
    return PRESETS[name]


def _given(overrides: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(what it is called in errors, dotted key, text) of each override, the weaker ones first."""
    for name, value in sorted(environ.items()):
        if name.startswith(VARIABLE):
            yield f"the variable {name}", name.removeprefix(VARIABLE).lower().replace("__", "."), value
    for key, value in overrides.items():
        yield f"--set {key}", key, value


def _nested(origin: str, key: str, text: str, where: Where) -> dict[str, Any]:
    """One override as nested mappings; its place in errors is the override itself."""
    parts = tuple(key.split("."))
    if not all(parts):
        raise ConfigError(f"{origin}: {key!r} is not a key", hint=_EXAMPLE)
    if any(map(names_a_secret, parts)):
        raise ConfigError(
            f"{origin} names a secret", hint="leave it out: secrets are generated into Secrets Manager", field=key
        )
    try:
        value: Any = text if _AS_TEXT.fullmatch(text) else yaml_value(text)
    except yaml.YAMLError:
        raise ConfigError(f"{origin}: the value is not YAML", hint="quote it", field=key) from None
    for number in range(1, len(parts)):
        where.setdefault(parts[:number], origin)
    where[parts] = origin
    for part in reversed(parts):
        value = {part: value}
    return dict(value)
