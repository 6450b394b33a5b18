"""What is wrong with a file, in words: place, field and remedy, from pydantic's findings and from our own checks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from livekit_deploy.config.admins import instead as admin_instead
from livekit_deploy.config.models import Environment
from livekit_deploy.config.section import BRANCHES, in_yaml
from livekit_deploy.config.source import Where
from livekit_deploy.config.typed_secrets import Place
from livekit_deploy.errors import ConfigError

Finding = tuple[str, str, str]  # field, what is wrong, what to do
_TOP = "the top of the file"
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
    "an own KMS key": ("", "cluster", "redis", "state"),
    "an own Redis": ("redis",),
}
_EXPLAINED = "see docs/configuration.md"
_NOT_VALID = "Input is not a valid "  # pydantic's words
_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "model": "a section with keys of its own",
    "dict": "a mapping",
    "tuple": "a list",
}
_SHAPES = {"model": "such as {key: value}", "dict": "such as {key: value}", "tuple": "such as [a, b]"}


def misfit(error: ValidationError, where: Where, path: Path) -> ConfigError:
    """What pydantic found, as one error."""
    items = error.errors(include_url=False)
    wrong = {item["loc"] for item in items}
    # a list whose items are wrong is also said to be too short
    real = [i for i in items if i["type"] != "too_short" or not any(at[:-1] == i["loc"] for at in wrong)]
    return listed(list(dict.fromkeys(map(_finding, real))), where, path)


def listed(findings: Sequence[Finding], where: Where, path: Path) -> ConfigError:
    """One error for all findings, each with its place."""
    keyed = {tuple(map(str, place)): spot for place, spot in where.items()}
    field, text, hint = findings[0]
    if len(findings) == 1:
        return ConfigError(text, where=_spot(field, keyed, path), hint=hint, field=field)
    lines = [f"{_spot(at, keyed, path)}: {words} ({tip})" for at, words, tip in findings]
    lines.sort(key=_by_place)
    whole = "\n".join([f"{len(findings)} things are wrong:", *lines])
    return ConfigError(whole, hint="correct them; every key is explained in docs/configuration.md", field=field)


def _by_place(line: str) -> tuple[int, ...]:
    """The line and the column that it begins with; first what has none."""
    found = re.match(r".*?:(\d+):(\d+): ", line)
    return tuple(map(int, found.groups())) if found else ()


def secrets_typed(places: Iterable[Place]) -> Iterator[Finding]:
    """One finding for each secret that was typed."""
    for place in places:
        yield (
            ".".join(map(str, place)),
            "a secret does not belong here",
            "remove it, and change it where it is used: what this program needs is generated into Secrets Manager",
        )


def _spot(field: str, keyed: Mapping[tuple[str, ...], str], path: Path) -> str:
    parts = tuple(field.split("."))
    while parts and parts not in keyed:
        parts = parts[:-1]
    return keyed.get(parts, str(path))


def _finding(item: Any) -> Finding:
    *above, last = item["loc"]
    kind = str(item["type"])
    if kind in ("extra_forbidden", "invalid_key"):
        place = (*_place(above), last)  # whatever somebody calls a key
        return ".".join(map(str, place)), *_unknown(place)
    place = _place((*above, last))
    field = ".".join(map(str, place))
    if kind == "missing":
        return field, f"{field} is missing: {_field(place).description}", f"such as {_example(place)}"
    if field in ("cluster.secrets_key", "livekit.hosted_zone") and kind in ("bool_parsing", "bool_type", "string_type"):
        what = "an own KMS key" if field == "cluster.secrets_key" else "to make a hosted zone"
        return field, f"{field}: {what} is not supported yet", _INSTEAD[what]
    if item.get("input") is None and kind.endswith("_type"):
        return field, f"{field}: it has no value", _remedy(kind, item, place)
    text = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return field, f"{field}: {_worded(kind, text)}", _remedy(kind, item, place)


def _worded(kind: str, text: str) -> str:
    if kind == "string_pattern_mismatch":
        return "it is not of the form that is needed"
    if kind == "string_type":
        return "it must be text"
    if item := _KINDS.get(kind.partition("_")[0]):
        return f"it must be {item}" if kind.endswith(("type", "parsing", "from_float")) else text
    if text.startswith(_NOT_VALID):
        return f"it is no {text.removeprefix(_NOT_VALID)}"
    return f"it must be {text}" if text[:1].islower() or text[:1].isdigit() or text[:1] == "'" else text


def _remedy(kind: str, item: Any, place: Place) -> str:
    value = item.get("input")
    if kind == "string_pattern_mismatch" and place[:2] == ("cluster", "admins"):
        return admin_instead(str(value))
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'quote it, as in "{value}"'
    if kind == "ip_v4_network" and isinstance(value, str) and (whole := _network(value)):
        return f"write {whole}"
    if kind == "too_short":
        return f"name one or more, such as {_example(place)}"
    example = _example(place)
    if "expected" in item.get("ctx", {}):
        near = difflib.get_close_matches(str(value), re.findall(r"'([^']+)'", item["ctx"]["expected"]), n=1)
        return f"did you mean {near[0]!r}?" if near else "name one of these"
    if value is None and not _field(place).is_required():
        return f"give it a value{', such as ' if example else ''}{example}, or remove the key"
    return f"such as {example}" if example else _SHAPES.get(kind.partition("_")[0], _EXPLAINED)


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


# ---- the models, seen from a place in the file


def _place(location: Iterable[str | int]) -> Place:
    """pydantic's location without the branches of unions and the mark of a mapping's key."""
    return tuple(part for part in location if part != "[key]" and not (isinstance(part, str) and part in BRANCHES))


def _plain(annotation: Any) -> Iterator[Any]:
    """The types in an annotation, without unions and `Annotated`."""
    if get_origin(annotation) in (Annotated, Union, UnionType):
        for part in get_args(annotation):
            yield from _plain(part)
    else:
        yield annotation


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    return [kind for kind in _plain(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _at(place: Place) -> list[Any]:
    """The annotations that hold at a place: of a key, or of an item of a mapping."""
    found: list[Any] = [Environment]
    for part in place:
        fields = [model.model_fields[part] for one in found for model in _models_in(one) if part in model.model_fields]
        items = [get_args(kind)[1] for one in found for kind in _plain(one) if get_origin(kind) is dict]
        found = [*(field.annotation for field in fields), *items]
    return found


def _field(place: Place) -> FieldInfo:
    """The declaration of the known key at a place, or of the list or mapping that it is an item of."""
    found = (
        model.model_fields[str(place[end - 1])]
        for end in range(len(place), 0, -1)
        for annotation in _at(place[: end - 1])
        for model in _models_in(annotation)
        if str(place[end - 1]) in model.model_fields
    )
    return next(found)


def _example(place: Place) -> str:
    examples = _field(place).examples
    return in_yaml(examples[0]) if examples else ""


def _unknown(place: Place) -> tuple[str, str]:
    key, section = str(place[-1]), ".".join(map(str, place[:-1]))
    for what, words in _NOT_YET.items():
        if key in words and section in _WHERE[what]:
            return f"{'.'.join(map(str, place))}: {what} is not supported yet", _INSTEAD[what]
    known = sorted({name for one in _at(place[:-1]) for model in _models_in(one) for name in model.model_fields})
    if key in known:
        return f"{key!r} does not go together with the other keys of {section}", "remove one of them"
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"known in {section or _TOP}: {', '.join(known)}"
    return f"unknown key {key!r}", hint
