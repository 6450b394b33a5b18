"""Reads YAML and remembers where each key stands, so that an error can name file, line and column.

Nothing is built before it is known to be of a sane depth and size: YAML can say in a few lines what fills a memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from livekit_deploy.errors import ConfigError

Where = dict[tuple[str | int, ...], str]
_Marks = dict[tuple[str | int, ...], yaml.Mark]
_MERGE = "tag:yaml.org,2002:merge"
_MOST_KEYS = 10_000  # an alias of aliases grows without end; no environment file is that large
_DEEPEST = 50  # levels; what is read here is walked by functions that call themselves
#: what PyYAML lets through of int(), date() and its own tables when a value is not what it looks like
_MISREAD = (ValueError, LookupError, AttributeError, TypeError)


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key is text or a number, and stands only once."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _MISREAD as error:
            raise yaml.constructor.ConstructorError(
                None, None, "a value looks like a number or a date and is none", node.start_mark
            ) from error


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        if key.tag == _MERGE:
            continue
        name = loader.construct_object(key, deep=True)
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise yaml.constructor.ConstructorError(None, None, "a key is not text", key.start_mark)
        if name in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} stands twice", key.start_mark)
        seen.add(name)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
#: what YAML's own words mean for somebody who edits the file
_REMEDIES = {
    "stands twice": "remove one of them",
    "is not text": "quote it: on, off, yes, no and null are no text in YAML",
    "'\\t'": "indent with spaces, not with tabs",
    "tag": "write plain values: text, numbers, true, false, lists and mappings",
    "document": "one file holds one environment",
    "alias": "define the anchor before it is used",
    "looks like": "quote it, so that it is text",
    "levels": "write it flatter",
    "keys": "write them out, without aliases of aliases",
}


def read(path: Path) -> tuple[dict[str, Any], Where]:
    """The document, and for each path in it ``file:line:column``.

    Raises `ConfigError` for a file that is missing, is not YAML, or is not a mapping.
    """
    text = _text(path)
    try:
        data, marks = _parsed(text)
    except yaml.YAMLError as error:
        raise _unreadable(error, path) from None
    if not isinstance(data, dict):
        raise ConfigError(
            "an environment file is a mapping of keys",
            where=f"{path}:1:1",
            hint=f"see one: livekit-deploy config init --env {path.stem}-example",
        )
    return data, {at: f"{path}:{mark.line + 1}:{mark.column + 1}" for at, mark in marks.items()}


def value(text: str) -> Any:
    """One value, read as those of a file are; raises `yaml.YAMLError`."""
    return _parsed(text)[0]


def _parsed(text: str) -> tuple[Any, _Marks]:
    """What the text says, and where each path in it stands."""
    _check_depth(text)
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        marks: _Marks = {}
        if root is None:
            return None, marks
        _locate(root, (), marks)
        return loader.construct_document(root), marks
    finally:
        loader.dispose()


def _check_depth(text: str) -> None:
    """Look at the events, which come without recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise _too("deep", f"more than {_DEEPEST} levels", event.start_mark)


def _too(what: str, most: str, mark: Any) -> yaml.YAMLError:
    return yaml.composer.ComposerError(None, None, f"it is too {what}: {most}", mark)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"there is no environment file {path}", hint=f"make one: livekit-deploy config init --env {path.stem}"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder", hint="name a file in it") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError("this is not UTF-8 text", where=f"{path}:{line}", hint="save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="check its mode") from None


def _unreadable(error: yaml.YAMLError, path: Path) -> ConfigError:
    """Names what is wrong and never quotes the file: it may hold what nobody should see."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ConfigError(
            "it holds characters that YAML does not allow", where=str(path), hint="save it as plain text"
        )
    mark, said = error.problem_mark, str(error.problem)
    where = f"{path}:{mark.line + 1}:{mark.column + 1}"
    context = f"{error.context or ''} {said}"
    hint = next((remedy for word, remedy in _REMEDIES.items() if word in context), "check quotes and indentation")
    return ConfigError(f"this is not usable YAML: {said}", where=where, hint=hint)


def _locate(node: yaml.Node, at: tuple[str | int, ...], found: _Marks) -> None:
    if len(found) > _MOST_KEYS:
        raise _too("large", f"more than {_MOST_KEYS} keys", node.start_mark)
    if len(at) > _DEEPEST:
        raise _too("deep or recursive", f"more than {_DEEPEST} levels", node.start_mark)
    found[at] = node.start_mark
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = (*at, str(key.value))
            _locate(value, path, found)
            found[path] = key.start_mark
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _locate(item, (*at, number), found)
