"""Makes an `Environment` from a file, a preset and overrides, or errors with place and remedy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from livekit_deploy.config.accepted_forms import takes_text
from livekit_deploy.config.checks import problems, warnings
from livekit_deploy.config.models import Environment
from livekit_deploy.config.presets import PRESETS, leaves, merged
from livekit_deploy.config.refusals import Finding, dotted, empty, listed, misfits, secrets_typed, together, unsaid
from livekit_deploy.config.rest_of_file import salvaged, without
from livekit_deploy.config.source import Where, read, unusable
from livekit_deploy.config.source import value as yaml_value
from livekit_deploy.config.typed_secrets import Place, names_a_secret, typed
from livekit_deploy.errors import ConfigError

VARIABLE = "LIVEKIT_DEPLOY__"
_EXAMPLE = "write it as redis.node_type=cache.m7g.large"


@dataclass(frozen=True)
class Told:
    """A file with what overrides it, not yet checked: where each key was set, and which overrides are none."""

    data: dict[str, Any]
    where: Where
    refused: list[Finding]


def load_environment(
    path: Path | str,
    *,
    overrides: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    today: date | None = None,
) -> Environment:
    """Read and check one environment file.

    ``overrides`` are dotted paths with YAML values (``redis.node_type``: ``cache.m7g.large``); variables named
    ``LIVEKIT_DEPLOY__A__B`` in ``environ`` (default: the process's) do the same and lose against them. An empty one is
    refused; none is ``null``. Versions of EKS are judged as of ``today``.
    Raises `ConfigError` listing everything that is wrong, each with its place.
    """
    path, today = Path(path), today or date.today()
    overrides, environ = overrides or {}, os.environ if environ is None else environ
    try:
        told = layered(path, overrides, environ)
    except ConfigError as error:
        raise _with_overrides(error, path, overrides, environ, today) from None
    env, found = _judged(told, path, today)
    if env is None or found:
        raise listed(found, told.where, path)
    env._source = path
    env._places = {dotted(key): spot for key, spot in told.where.spots.items()}
    env._warnings = tuple(warnings(env, today))
    return env


def layered(path: Path, overrides: Mapping[str, str], environ: Mapping[str, str]) -> Told:
    """The file with what overrides it, not yet checked. Raises `ConfigError` for a file that cannot be read."""
    return _overridden(*read(path), overrides, environ)


def _overridden(data: dict[str, Any], where: Where, overrides: Mapping[str, str], environ: Mapping[str, str]) -> Told:
    refused: list[Finding] = []
    for origin, key, text in _given(overrides, environ):
        place = tuple(key.split("."))
        layer = _override(place, text, where, refused)
        where.spots |= {place[:number]: origin for number in range(1, len(place)) if place[:number] not in where.spots}
        where.spots[place] = origin
        data = merged(data, layer)
    return Told(data, where, refused)


def _with_overrides(
    error: ConfigError, path: Path, overrides: Mapping[str, str], environ: Mapping[str, str], today: date
) -> ConfigError:
    """All that can be said of a file that cannot be used, and of what overrides it."""
    told = _overridden({}, Where(), overrides, environ)
    given = [tuple(key.split(".")) for _, key, _ in _given(overrides, environ)]
    found = [one for one in _judged(told, path, today)[1] if _below(given, one[0])]
    wrong = unusable(path) or [error]
    if found:
        wrong.append(listed(found, told.where, path))
    return error if len(wrong) == 1 else together(wrong)


def _below(places: Iterable[Place], field: str) -> bool:
    parts = tuple(field.split("."))
    return any(parts[: len(place)] == place for place in places)


def _judged(told: Told, path: Path, today: date) -> tuple[Environment | None, list[Finding]]:
    """The environment, and all that can be said against it."""
    wrong: dict[Place, Finding] = {place: next(secrets_typed([place])) for place in typed(told.data)}
    wrong |= dict(unsaid(told.data, told.where))
    data = without(told.data, wrong)
    wrong = {tuple(finding[0].split(".")): finding for finding in told.refused} | wrong
    whole = merged(_preset(data), {"name": path.stem}, data)
    try:
        env: Environment | None = Environment.model_validate(whole)
    except ValidationError as error:
        env = None
        for place, finding in misfits(error, told.where):
            wrong.setdefault(place, finding)
    if env is not None and not wrong:
        return env, list(problems(env, today))
    guessed = [leaf for leaf in leaves() if ("preset",) in wrong and not _stands(data, leaf)]
    rest = salvaged(whole, [*wrong, *guessed])
    # a section may lack only what was taken out of it
    fields = {".".join(finding[0].split(".")[:end]) for finding in wrong.values() for end in range(1, 9)}
    more = [] if rest is None else [one for one in problems(rest, today) if one[0] not in fields]
    return None, list(dict.fromkeys([*wrong.values(), *more]))


def _stands(data: Any, place: Place) -> bool:
    for part in place:
        if not isinstance(data, dict) or part not in data:
            return False
        data = data[part]
    return True


def _preset(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the preset says; where there is none of that name, that which asks for the least."""
    name = data.get("preset")
    return PRESETS[name] if isinstance(name, str) and name in PRESETS else PRESETS["dev"]


def _given(overrides: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(what it is called in errors, dotted key, text) of each override, the weaker ones first."""
    for name, value in sorted(environ.items()):
        if name.startswith(VARIABLE):
            yield f"the variable {name}", name.removeprefix(VARIABLE).lower().replace("__", "."), value
    for key, value in overrides.items():
        yield f"--set {key}", key, value


def _override(place: tuple[str, ...], text: str, where: Where, refused: list[Finding]) -> dict[str, Any]:
    """One override as nested mappings; none where it cannot be read, which is then among the ``refused``."""
    key = ".".join(place)
    if not all(place):
        refused.append((key, f"{key!r} is not a key", _EXAMPLE))
        return {}
    if any(map(names_a_secret, place)):
        refused.append((key, f"{key} names a secret", "leave it out: secrets are generated into Secrets Manager"))
        return {}
    try:
        value, texts = _value(place, text)
    except yaml.YAMLError:
        refused.append((key, "the value is not YAML", "quote it"))
        return {}
    if value is None and texts.get(()) == "":
        _, wrong, hint = empty(place)
        refused.append((key, wrong, f"{hint.removesuffix(', or remove the key')}, or leave it out"))
        return {}
    if not isinstance(value, dict):
        where.replaced(place)
    where.texts |= {(*place, *below): written for below, written in texts.items()}
    for part in reversed(place):
        value = {part: value}
    return dict(value)


def _value(place: Place, text: str) -> tuple[Any, dict[Place, str]]:
    """What an override says; for a key that takes text and nothing else it is text, whatever it looks like."""
    try:
        value, texts = yaml_value(text)
    except yaml.YAMLError:
        if takes_text(place):
            return text, {}
        raise
    return (text, {}) if takes_text(place) and value is not None and not isinstance(value, str) else (value, texts)
