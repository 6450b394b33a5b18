"""Says of each key of an environment file what it means, from the models, the presets and `changes.json`.

`make schema` writes that file: what a change of a key does to what runs follows from the resources that it reaches.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from livekit_deploy.config.accepted_forms import expected, is_section, plain, takes_none
from livekit_deploy.config.models import Environment, FileState
from livekit_deploy.config.presets import PRESETS
from livekit_deploy.config.section import in_yaml
from livekit_deploy.errors import UsageError

#: part of a path that stands for whatever the file calls it
ANY = "NAME"
#: how a change begins → what that means for what runs
MEANINGS = {
    "in place": "the object stays, and is changed",
    "applied once": "it is set when the file changes it, and left alone when somebody else does",
    "a new one first": "the new object is made, what uses it moves, the old one is deleted last",
    "made or deleted": "the objects come and go with the key",
    "refused": "the plan blocks and says the way out",
}
_NEAR = 3  # keys that an error suggests


@dataclass(frozen=True)
class Key:
    """One key of the file; ``field`` declares it, and ``has_keys`` says whether it is a section."""

    path: str
    field: FieldInfo
    has_keys: bool = False

    def default(self, preset: str) -> Any:
        """What it is under a preset; ``...`` where the file must say it."""
        found: Any = PRESETS[preset]
        for part in self.path.split("."):
            found = found.get(part, ...) if isinstance(found, Mapping) else ...
        if found is not ...:
            return found
        if self.path == "name":
            return None
        return ... if self.field.is_required() else self.field.default


@dataclass(frozen=True)
class Explained:
    """What a key means. ``defaults`` are by preset, without those that need a value; a section has ``keys``."""

    key: str
    about: str
    takes: str
    example: str
    defaults: Mapping[str, str]
    change: str
    means: str
    variable: str
    keys: Mapping[str, str]


def every_key(model: type[BaseModel] = Environment, at: str = "") -> Iterator[Key]:
    """Every key, sections before what is in them."""
    for name, field in model.model_fields.items():
        path = f"{at}{name}"
        below = list(inner(field.annotation, path))
        yield Key(path, field, bool(below) and FileState not in [one for one, _ in below])
        for section, prefix in below:
            yield from every_key(section, f"{prefix}.")


def inner(annotation: Any, path: str) -> Iterator[tuple[type[BaseModel], str]]:
    """The sections that a key may hold, each with the path of its keys."""
    for kind in plain(annotation):
        if is_section(kind):
            yield kind, path
        elif get_origin(kind) is dict:
            yield from inner(get_args(kind)[1], f"{path}.{ANY}")


@functools.cache
def changes() -> dict[str, str]:
    """For each key that is no section what happens to what runs when it is changed."""
    text = resources.files("livekit_deploy.config").joinpath("changes.json").read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text)
    return found


def explain(asked: str) -> Explained:
    """What a key means, "" for the file as a whole; raises `UsageError`, with the nearest keys, where there is none."""
    known: dict[str, Key] = {}
    for key in every_key():
        known.setdefault(key.path, key)
    path = _path(asked, known)
    below = {key.path: _about(key) for key in known.values() if key.path.rpartition(".")[0] in (path, f"{path}.{ANY}")}
    if not path:
        return Explained("", "an environment file", "", "", {}, "", "", "", below)
    key, place = known[path], tuple(path.split("."))
    values = {preset: key.default(preset) for preset in PRESETS}
    defaults = {preset: _shown(value) for preset, value in values.items() if value is not ...}
    change = changes().get(path, "").replace("`", "")
    return Explained(
        key=path,
        about=_about(key),
        takes=f"{expected(place)}{'; null for none' if takes_none(place) else ''}",
        example=in_yaml(key.field.examples[0]) if key.field.examples else "",
        defaults=defaults if change else {},
        change=change,
        means=MEANINGS.get(change.partition(":")[0], ""),
        variable=f"LIVEKIT_DEPLOY__{path.upper().replace('.', '__')}",
        keys=below,
    )


def _shown(value: Any) -> str:
    return "none" if value is None else in_yaml(TypeAdapter(Any).dump_python(value, mode="json"))


def _about(key: Key) -> str:
    return (key.field.description or "").replace("`", "")


def _path(asked: str, known: Mapping[str, Key]) -> str:
    """The path of a key as it is declared: whatever the file calls an add-on or a tag stands for any."""
    found, section = "", ""  # of what is called by any name the mapping itself is found, and its keys are looked for
    for part in filter(None, asked.split(".")):
        path = f"{section}.{part}".lstrip(".")
        if path in known:
            found = section = path
        elif section == found and found in known and get_origin(known[found].field.annotation) is dict:
            section = f"{found}.{ANY}"
        else:
            raise UsageError(f"there is no key {asked}", hint=_nearest(section, part, found, known))
    return found


def _nearest(section: str, part: str, found: str, known: Mapping[str, Key]) -> str:
    """The keys of that name elsewhere, or those that are written much like it; else where to look."""
    beside = {path.rpartition(".")[2]: path for path in known if path.rpartition(".")[0] == section}
    near = [beside[name] for name in difflib.get_close_matches(part, beside, n=_NEAR)]
    elsewhere = difflib.get_close_matches(part, {path.rpartition(".")[2] for path in known}, n=1, cutoff=0.8)
    near = near or [path for path in known if path.rpartition(".")[2] in elsewhere]
    near = near or [beside[name] for name in difflib.get_close_matches(part, beside, n=_NEAR, cutoff=0.5)]
    near = near or difflib.get_close_matches(part, known, n=_NEAR, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near[:_NEAR])}?"
    return f"livekit-deploy config explain {found}".rstrip() + " lists the keys"
