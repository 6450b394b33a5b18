"""Turns pydantic's and our own findings into errors with place, field and remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from livekit_deploy.config.accepted_forms import (
    KEY,
    example,
    expected,
    field_of,
    models_at,
    place_of,
    takes_anything,
    takes_none,
    takes_text,
)
from livekit_deploy.config.ambiguous_values import Unclear
from livekit_deploy.config.remedies import remedy
from livekit_deploy.config.section import in_yaml
from livekit_deploy.config.source import Where
from livekit_deploy.config.typed_secrets import Place
from livekit_deploy.errors import ConfigError

Finding = tuple[str, str, str]  # field, what is wrong, what to do
_UNKNOWN = ("extra_forbidden", "invalid_key")
_TOP = "the top of the file"
_MOST = 60  # characters of a value that an error repeats
_NOT_YET = {
    "an own VPC": ("vpc", "vpc_id", "subnets", "subnet_ids", "public_subnets", "private_subnets", "security_group_ids"),
    "to make a hosted zone": ("create_zone", "create_hosted_zone", "hosted_zone_id"),
    "an own KMS key": ("kms_key", "kms_key_id", "kms_key_arn", "key_arn", "key_id", "secrets_key_arn"),
    "an own Redis": ("address", "host", "endpoint", "url", "replication_group_id", "cluster_id", "existing"),
}
_INSTEAD = {
    "an own VPC": "leave it out: up makes a VPC; network.cidr says where",
    "to make a hosted zone": "make the zone once by hand and name it in livekit.hosted_zone",
    "an own KMS key": "leave it out: cluster.secrets_key: true makes one",
    "an own Redis": "leave it out: up makes one as the section redis says",
}
#: in these sections the words above mean what they say
_WHERE = {
    "an own VPC": ("", "network", "cluster", "nodes.media", "nodes.system", "redis"),
    "to make a hosted zone": ("", "livekit"),
    "an own KMS key": ("", "cluster", "redis"),
    "an own Redis": ("redis",),
}


def listed(findings: Sequence[Finding], where: Where, path: Path) -> ConfigError:
    """One error for all findings, each with its place."""
    keyed = {tuple(map(str, place)): spot for place, spot in where.spots.items()}
    field, text, hint = findings[0]
    if len(findings) == 1:
        return ConfigError(text, where=_spot(field, keyed, path), hint=hint, field=field)
    lines = [f"{_spot(at, keyed, path)}: {words} ({tip})" for at, words, tip in findings]
    lines.sort(key=_by_place)
    return _all(lines, field)


def together(errors: Sequence[ConfigError]) -> ConfigError:
    """One error for all of them; one of them may be of several things."""
    lines = []
    for error in errors:
        first, *more = str(error).splitlines()
        lines += more or [f"{first} ({error.hint})"]
    return _all(lines, errors[0].field)


def _all(lines: Sequence[str], field: str) -> ConfigError:
    whole = "\n".join([f"{len(lines)} things are wrong:", *lines])
    return ConfigError(whole, hint="correct them; every key is explained in docs/configuration.md", field=field)


def _by_place(line: str) -> tuple[int, ...]:
    """The line and the column that it begins with; first what has none."""
    found = re.match(r".*?:(\d+):(\d+): ", line)
    return tuple(map(int, found.groups())) if found else ()


def _spot(field: str, keyed: Mapping[tuple[str, ...], str], path: Path) -> str:
    parts = tuple(field.split("."))
    while parts and parts not in keyed:
        parts = parts[:-1]
    return keyed.get(parts, str(path))


def dotted(place: Place) -> str:
    """A place as it is named in errors."""
    return ".".join(map(str, place))


def secrets_typed(places: Iterable[Place]) -> Iterator[Finding]:
    """One finding for each secret that was typed."""
    for place in places:
        yield (
            dotted(place),
            "a secret does not belong here",
            "remove it, and change it where it is used: what this program needs is generated into Secrets Manager",
        )


def unsaid(told: Any, where: Where, at: Place = ()) -> Iterator[tuple[Place, Finding]]:
    """What says nothing, or not the same to everybody: an empty value, and an odd one where anything may stand."""
    if isinstance(told, Mapping):
        for key, item in told.items():
            yield from unsaid(item, where, (*at, str(key)))
    elif isinstance(told, list):
        for number, item in enumerate(told):
            yield from unsaid(item, where, (*at, number))
    elif told is None and where.texts.get(at) == "":
        yield at, empty(at)
    elif isinstance(told, Unclear) and takes_anything(at):
        yield (
            at,
            (
                dotted(at),
                f"{dotted(at)}: {_shown(told, '')} is read in different ways by different programs",
                remedy(at, told, told.text),
            ),
        )


def empty(place: Place) -> Finding:
    """A key without a value."""
    field = dotted(place)
    such = example(place) if _known(place) else ""
    value = f"give it a value{f', such as {such}' if such else ''}"
    if takes_none(place) or takes_anything(place):
        return field, f"{field}: it has no value", f"{value}, or write null for none"
    return field, f"{field}: it has no value", value if _needed(place) else f"{value}, or remove the key"


def _known(place: Place) -> bool:
    return any(str(place[0]) in model.model_fields for model in models_at(()))


def _needed(place: Place) -> bool:
    return _known(place) and field_of(place).is_required()


def misfits(error: ValidationError, where: Where) -> list[tuple[Place, Finding]]:
    """What pydantic found, each with the place of what is wrong."""
    items = error.errors(include_url=False)
    wrong = {item["loc"] for item in items}
    # a list whose items are wrong is also said to be too short
    real = [i for i in items if i["type"] != "too_short" or not any(at[:-1] == i["loc"] for at in wrong)]
    return [(place, _finding(place, item, where)) for item in real for place in [place_of_error(item)]]


def place_of_error(item: Any) -> Place:
    """Where the file is wrong; whatever somebody calls a key is a key."""
    *above, last = item["loc"]
    return (*place_of(above), last) if item["type"] in _UNKNOWN else place_of(item["loc"])


def _finding(place: Place, item: Any, where: Where) -> Finding:
    kind, value = str(item["type"]), item.get("input")
    if kind in _UNKNOWN:
        return dotted(place), *_unknown(place)
    named = place[:-1] if place[-1:] == (KEY,) else place
    field = dotted(named)
    if kind == "missing":
        return field, f"{field} is missing: {field_of(place).description}", f"such as {example(_named(place))}"
    if what := _later(field, value):
        return field, f"{field}: {what} is not supported yet", _INSTEAD[what]
    if value is None:
        return empty(named)
    text = where.texts.get(named, "")
    return field, f"{field}: {_must(place, value)}, not {_shown(value, text)}", remedy(place, value, text)


def _named(place: Place) -> Place:
    """The key that a place, which may be of an item of a list, belongs to."""
    return tuple(part for part in place if not isinstance(part, int))


def _must(place: Place, value: Any) -> str:
    what = expected(place)
    if takes_text(place) and not isinstance(value, str) and what != "text":
        what = f"text, {what}"
    return f"its keys must be {what}" if place[-1:] == (KEY,) else f"it must be {what}"


def _later(field: str, value: Any) -> str:
    """What a value asks for that is not there yet; "" for any other."""
    if field == "cluster.secrets_key" and (isinstance(value, Mapping) or str(value).startswith("arn:")):
        return "an own KMS key"
    return "to make a hosted zone" if field == "livekit.hosted_zone" and isinstance(value, Mapping | bool) else ""


def _shown(value: Any, text: str) -> str:
    """A value as it was written, or what it is where that is long."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    written = value.text if isinstance(value, Unclear) else text or in_yaml(value)
    return written if len(written) <= _MOST else f"{written[:_MOST]}…"


def _unknown(place: Place) -> tuple[str, str]:
    key, section = str(place[-1]), dotted(place[:-1])
    for what, words in _NOT_YET.items():
        if key in words and section in _WHERE[what]:
            return f"{dotted(place)}: {what} is not supported yet", _INSTEAD[what]
    known = known_keys(place[:-1])
    if key in known:
        return f"{key!r} does not go together with the other keys of {section}", "remove one of them"
    close = meant(place)
    hint = f"did you mean {close!r}?" if close else f"known in {section or _TOP}: {', '.join(known)}"
    return f"unknown key {key!r}", hint


def known_keys(section: Place) -> list[str]:
    """The keys that a section may have."""
    return sorted({name for model in models_at(section) for name in model.model_fields})


def meant(place: Place) -> str:
    """The known key that an unknown one is nearest to; "" where none is near."""
    close = difflib.get_close_matches(str(place[-1]), known_keys(place[:-1]), n=1, cutoff=0.5)
    return close[0] if close else ""
