"""Renders what a key of an environment file means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from livekit_deploy.render.escaping import escape
from livekit_deploy.render.words import hanging

if TYPE_CHECKING:
    from livekit_deploy.config.explain import Explained

_COLUMN = 10  # of what a line is about
_NAMES = 26  # of the keys of a section


def explained_lines(found: Explained, width: int | None) -> Iterator[str]:
    """The key and what it is; what it takes, what it is by itself and what a change means; the keys of a section."""
    if found.key:
        yield f"[bold]{escape(found.key)}[/]"
    yield from hanging("", found.about, width)
    rows = [
        ("takes", found.takes),
        ("example", found.example),
        ("default", _defaults(found)),
        ("changed", _changed(found)),
        ("override", f"--set {found.key}=VALUE, or {found.variable}" if found.defaults or found.change else ""),
    ]
    told = [(label, text) for label, text in rows if text and not (found.keys and not found.change)]
    if told:
        yield ""
    for label, text in told:
        yield from hanging(f"{label:<{_COLUMN}}", text, width)
    if found.keys:
        yield ""
    column = max((len(_name(path)) for path in found.keys), default=0)
    for path, about in found.keys.items():
        yield from hanging(f"{_name(path):<{min(column, _NAMES)}}  ", about, width)
    if found.keys and not found.change:
        yield ""
        yield f"more of one: livekit-deploy config explain {escape(f'{found.key}.KEY'.lstrip('.'))}"


def _name(path: str) -> str:
    return path.rpartition(".")[2]


def _defaults(found: Explained) -> str:
    """One for all presets, or one for each; what is missing has to be said in the file."""
    if not found.change:
        return ""
    values = {preset: found.defaults.get(preset, "must be given") for preset in ("dev", "uat", "prod")}
    if len(set(values.values())) == 1:
        return values["dev"]
    return "\n".join(f"{preset:<6}{value}" for preset, value in values.items())


def _changed(found: Explained) -> str:
    if not found.means:
        return found.change
    when = "" if found.change.startswith("refused") else "by the next up, "
    return f"{when}{found.change}\n{found.means}"
