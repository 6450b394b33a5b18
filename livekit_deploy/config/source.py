"""Reads YAML and remembers where each key stands, so that an error can name file, line and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from livekit_deploy.errors import ConfigError

Where = dict[tuple[str | int, ...], str]


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key may stand only once."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, yaml.Node] = {}
    for key, _ in node.value:
        name = loader.construct_object(key)
        if name in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} stands twice", key.start_mark)
        seen[name] = key
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(path: Path) -> tuple[dict[str, Any], Where]:
    """The document, and for each path in it ``file:line:column``.

    Raises `ConfigError` for a file that is missing, is not YAML, or is not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no environment file {path}", hint=f"make one: livekit-deploy config init --env {path.stem}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}", hint="check its mode, and that it is UTF-8 text") from error
    try:
        root = yaml.compose(text, Loader=_Loader)
        data = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ConfigError(f"this is not YAML: {error.problem}", where=where, hint="check the indentation") from error
    if not isinstance(data, dict) or not isinstance(root, yaml.MappingNode):
        raise ConfigError("an environment file is a mapping of keys", where=f"{path}:1:1", hint="see config init")
    found: Where = {}
    _locate(root, (), str(path), found)
    return data, found


def _locate(node: yaml.Node, at: tuple[str | int, ...], file: str, found: Where) -> None:
    found[at] = f"{file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = (*at, str(key.value))
            _locate(value, path, file, found)
            found[path] = f"{file}:{key.start_mark.line + 1}:{key.start_mark.column + 1}"
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _locate(item, (*at, number), file, found)
