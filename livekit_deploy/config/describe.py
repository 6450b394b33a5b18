"""Writes a commented environment file, the resulting configuration and the JSON Schema, from the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from livekit_deploy.config.accepted_forms import is_section, plain
from livekit_deploy.config.models import Environment
from livekit_deploy.config.names import Name
from livekit_deploy.config.presets import PRESETS, merged
from livekit_deploy.config.section import in_yaml
from livekit_deploy.errors import ConfigError

_NEEDED = {"region": "us-east-1", "livekit": {"domain": "livekit.example.com"}}
_WHO = {"cluster": {"public_cidrs": ["203.0.113.0/24"]}}
_COLUMN, _WIDTH = 40, 120
_HEAD = """\
# An environment of livekit_deploy. Give {needed} a value.
# Every other key is listed with its default (or an example, if it has none), commented out. To change one,
# remove the #, and that of its section's first line. An unknown key is refused. More: docs/configuration.md
"""


def check_name(name: str) -> None:
    """Raise `ConfigError` for a name that no environment may have."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise ConfigError(
            f"{name!r} cannot be the name of an environment",
            hint="write 2 to 20 small letters, digits and single hyphens, a letter first, such as uat",
        ) from None


def needed(preset: str) -> tuple[str, ...]:
    """The keys that have no default under a preset."""
    open_to = () if "public_cidrs" in PRESETS[preset]["cluster"] else ("cluster.public_cidrs",)
    return ("region", *open_to, "livekit.domain")


def template(preset: str, name: str) -> str:
    """A file in which every key stands with its default, commented out but for those that must be filled in."""
    told = {"preset": preset, **dict.fromkeys(needed(preset), "")}
    filled = merged(_WHO, PRESETS[preset], _NEEDED, {"preset": preset, "name": name})
    values = Environment.model_validate(filled).model_dump(mode="json")
    *first, last = needed(preset)
    head = _HEAD.format(needed=f"{', '.join(first)} and {last}")
    return head + "\n".join(_lines(Environment, values, told, "", "")) + "\n"


def _lines(
    model: type[BaseModel], values: Mapping[str, Any], told: Mapping[str, str], at: str, indent: str
) -> Iterator[str]:
    for name, field in model.model_fields.items():
        path, section = f"{at}{name}", _section(field.annotation)
        commented = "" if any(key == path or key.startswith(f"{path}.") for key in told) or "#" in indent else "# "
        if section is not None:
            if not at:
                yield ""
            yield _line(f"{indent}{commented}{name}:", field, None)
            inner = values.get(name) or {}
            yield from _lines(section, inner, told, f"{path}.", f"{indent}{commented}  ")
        elif path in told:
            yield _line(f"{indent}{name}: {told[path]}".rstrip(), field, None if told[path] else "")
        else:
            value = values.get(name, None if field.is_required() else field.default)
            shown = _example(field) if value is None else in_yaml(value)
            yield _line(
                f"{indent}{commented}{name}: {shown}".rstrip(), field, "default: none" if value is None else None
            )


def _line(key: str, field: FieldInfo, note: str | None) -> str:
    """The key with what it is behind it, or above it where both do not fit; ``note`` "" asks for a value."""
    said = field.description or ""
    if note == "":
        said = f"{said}, such as {_example(field)}"
    elif note:
        said = f"{said} ({note})"
    line = f"{key:<{_COLUMN}} # {said}"
    before = key[: len(key) - len(key.lstrip(" #"))]
    return line if len(line) <= _WIDTH else f"{before}# {said}\n{key}"


def _section(annotation: Any) -> type[BaseModel] | None:
    """The model of a key that is a section; of several the first. A key that may be a word is no section."""
    first = next(plain(annotation))
    return first if is_section(first) else None


def _example(field: FieldInfo) -> str:
    return in_yaml(field.examples[0]) if field.examples else ""


def effective(env: Environment) -> str:
    """The environment as YAML, after defaults, preset and overrides; reading it gives the same environment."""
    values = _without_nones(env.model_dump(mode="json"), PRESETS[env.preset])
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return text.rstrip()


def _without_nones(values: Mapping[str, Any], preset: Any) -> dict[str, Any]:
    """Without what is none by default; where the preset has a value, none says that there is not to be one."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        below = preset.get(key) if isinstance(preset, Mapping) else None
        if isinstance(value, dict):
            found[key] = _without_nones(value, below)
        elif value is not None or below is not None:
            found[key] = value
    return found


def schema() -> dict[str, Any]:
    """JSON Schema of an environment file: nothing is required that a preset or the file's name supplies."""
    whole = Environment.model_json_schema()
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["title"] = "An environment of livekit_deploy"
    whole["required"] = ["region", "livekit"]
    for section in ("Cluster", "Nodes", "NodeGroup"):
        whole["$defs"][section].pop("required", None)
    return whole
