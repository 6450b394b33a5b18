"""The keys and types of livekit-server's configuration, and the errors of its strict YAML decoder.

``keys.json`` holds the names and Go types of the server's structs, and the patch since which it knows a key where that
is later than 1.13.7. Source: livekit-server 1.13.7 to 1.13.11, pkg/config/config.go; yaml.v3, decode.go.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Version = tuple[int, ...]
_ROOT = "config.Config"
_STRUCT = re.compile(r"\*?struct:")
_DURATION = re.compile(r"[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h))+)")
_WHOLE, _FLOATS = re.compile(r"u?int(8|16|32|64)?"), ("float32", "float64")
_YES = ("yes", "on", "no", "off", "true", "false", "y", "n")


class ConfigRefused(Exception):
    """Why the server does not take a configuration, in its words."""


@functools.cache
def _structs(version: Version) -> dict[str, dict[str, str]]:
    """struct → key → type, as that version has them."""
    every: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "keys.json").read_text())
    found: dict[str, dict[str, str]] = {}
    for struct, keys in every.items():
        found[struct] = {}
        for key, said in keys.items():
            kind, _, since = said.partition(" since ")
            if not since or version >= tuple(map(int, since.split("."))):
                found[struct][key] = kind
    return found


@functools.cache
def flags(version: Version) -> dict[str, tuple[str, str]]:
    """Variable → (flag, type): one for every scalar of the configuration."""
    found: dict[str, tuple[str, str]] = {}

    def walk(struct: str, prefix: str) -> None:
        for key, kind in _structs(version)[struct].items():
            path = f"{prefix}{key}"
            if kind.startswith("struct:"):
                walk(kind.removeprefix("struct:"), f"{path}.")
            elif not kind.startswith(("[]", "map:", "own:", "*")) and path not in ("region", "keys"):
                found["LIVEKIT_" + path.upper().replace(".", "_")] = (path, kind)

    walk(_ROOT, "")
    return found


# ---- YAML


def parsed(text: str, version: Version, *, strict: bool) -> dict[str, Any]:
    """The configuration in a text. Raises `ConfigRefused`; ``strict`` refuses keys that are not known."""
    try:
        node = yaml.compose(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigRefused(f"could not parse config: yaml: line {line}: {error.problem}") from error
    if node is None:
        return {}
    wrong = list(_wrong(node, f"struct:{_ROOT}", _structs(version), strict=strict))
    if wrong:
        raise ConfigRefused("could not parse config: yaml: unmarshal errors:" + "".join(f"\n  {one}" for one in wrong))
    found = yaml.safe_load(text)
    return found if isinstance(found, dict) else {}


def _wrong(node: yaml.Node, kind: str, structs: dict[str, dict[str, str]], *, strict: bool) -> Iterator[str]:
    if _tag(node) == "!!null" or kind.startswith("own:"):
        return
    if found := _STRUCT.match(kind):
        yield from _wrong_struct(node, kind[found.end() :], structs, strict=strict)
    elif kind.startswith("[]"):
        if not isinstance(node, yaml.SequenceNode):
            yield _cannot(node, kind.replace("struct:", ""))
            return
        for item in node.value:
            yield from _wrong(item, kind[2:], structs, strict=strict)
    elif kind.startswith("map:"):
        if not isinstance(node, yaml.MappingNode):
            yield _cannot(node, f"map[string]{kind[4:].replace('struct:', '')}")
            return
        for _, value in node.value:
            yield from _wrong(value, kind[4:], structs, strict=strict)
    elif not _fits(node, kind):
        yield _cannot(node, kind)


def _wrong_struct(node: yaml.Node, struct: str, structs: dict[str, dict[str, str]], *, strict: bool) -> Iterator[str]:
    if not isinstance(node, yaml.MappingNode):
        yield _cannot(node, struct)
        return
    for key, value in node.value:
        if key.value in structs[struct]:
            yield from _wrong(value, structs[struct][key.value], structs, strict=strict)
        elif strict:
            yield f"line {key.start_mark.line + 1}: field {key.value} not found in type {struct}"


def _tag(node: yaml.Node) -> str:
    return str(node.tag).replace("tag:yaml.org,2002:", "!!")


def _cannot(node: yaml.Node, kind: str) -> str:
    value = ""
    if isinstance(node, yaml.ScalarNode):
        value = f" `{node.value[:7]}...`" if len(node.value) > 10 else f" `{node.value}`"
    return f"line {node.start_mark.line + 1}: cannot unmarshal {_tag(node)}{value} into {kind}"


def _fits(node: yaml.Node, kind: str) -> bool:
    if not isinstance(node, yaml.ScalarNode):
        return False
    tag = _tag(node)
    if kind == "string":
        return True
    if kind == "bool":
        return tag == "!!bool" or node.value.lower() in _YES
    if kind == "time.Duration":
        return tag == "!!str" and bool(_DURATION.fullmatch(node.value))
    if kind in _FLOATS:
        return tag in ("!!int", "!!float")
    return tag in ("!!int", "!!float") and not (kind.startswith("uint") and node.value.startswith("-"))


# ---- the environment

_BOOLS = {**dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True)} | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)


def flagged(environment: dict[str, str], version: Version) -> Iterator[tuple[str, Any]]:
    """(path, value) of every variable that sets a key. Raises `ConfigRefused` for a value of another type."""
    for variable, (path, kind) in flags(version).items():
        if text := environment.get(variable):
            yield path, _value(variable, path, kind, text)


def _value(variable: str, path: str, kind: str, text: str) -> Any:
    shown, why = _shown(kind), ""
    if kind == "string":
        return text
    if kind == "bool":
        if text in _BOOLS:
            return _BOOLS[text]
        why = "parse error"
    elif kind == "time.Duration":
        if _DURATION.fullmatch(text):
            return text
        unitless = re.fullmatch(r"[+-]?[\d.]+", text)
        why = f'time: missing unit in duration "{text}"' if unitless else f'time: invalid duration "{text}"'
    elif kind in _FLOATS:
        try:
            return float(text)
        except ValueError:
            why = f'strconv.ParseFloat: parsing "{text}": invalid syntax'
    else:
        sign = "" if kind.startswith("u") else "[+-]?"
        if re.fullmatch(rf"{sign}\d+", text):
            return int(text)
        why = f'strconv.Parse{"Uint" if kind.startswith("u") else "Int"}: parsing "{text}": invalid syntax'
    said = f'could not parse "{text}" as {shown} value from environment variable "{variable}" for flag {path}: {why}'
    raise ConfigRefused(said)


def _shown(kind: str) -> str:
    if kind in _FLOATS:
        return "float64"
    if _WHOLE.fullmatch(kind) and kind not in ("int64", "uint64"):
        return "uint" if kind.startswith("u") else "int"
    return kind


def put(config: dict[str, Any], path: str, value: Any) -> None:
    """Set a key by its path."""
    *folders, last = path.split(".")
    for folder in folders:
        config = config.setdefault(folder, {})
    config[last] = value
