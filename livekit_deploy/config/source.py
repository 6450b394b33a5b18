"""Reads YAML and records where each key is, so that errors can name file, line and column.

Nothing is built before it is known to be of a sane depth and size: YAML can say in a few lines what fills a memory.
"""

from __future__ import annotations

import difflib
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from livekit_deploy.config.accepted_forms import fits
from livekit_deploy.config.ambiguous_values import Loader
from livekit_deploy.config.typed_secrets import Place
from livekit_deploy.errors import ConfigError

_MERGE = "tag:yaml.org,2002:merge"
_MOST_KEYS = 10_000  # an alias of aliases grows without end; no environment file is that large
_ENVIRONMENTS = ("manifests", "environments")  # where --env looks
_MOST_NAMED = 9  # files of a folder that an error names
_DEEPEST = 50  # levels; what is read here is walked by functions that call themselves
#: what PyYAML lets through of int(), date() and its own tables when a value is not what it looks like
_MISREAD = (ValueError, LookupError, AttributeError, TypeError)


@dataclass
class Where:
    """For each path in a document where it stands, and for each plain value how it is written there."""

    spots: dict[Place, str] = field(default_factory=dict)
    texts: dict[Place, str] = field(default_factory=dict)

    def replaced(self, place: Place) -> None:
        """Forget what stood at a place and below it."""
        for known in (self.spots, self.texts):
            for path in [path for path in known if path[: len(place)] == place]:
                del known[path]


class _Several(yaml.YAMLError):
    """What is wrong with a text whose form is that of YAML: all of it."""

    def __init__(self, wrong: list[yaml.YAMLError]) -> None:
        super().__init__()
        self.wrong = wrong


class _Loader(Loader):
    """Safe YAML of a sane depth, in which a key is text or a number, and stands only once; ``wrong`` is what does not
    hold to that.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.wrong: list[yaml.YAMLError] = []
        self._depth = 0

    def get_event(self) -> yaml.Event:
        """Events come without recursion, before anything is built of them."""
        event: yaml.Event = super().get_event()  # type: ignore[no-untyped-call]
        self._depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if self._depth > _DEEPEST:
            raise _too("deep", f"more than {_DEEPEST} levels", event.start_mark)
        return event

    def refuse(self, why: str, node: yaml.Node) -> None:
        """Go on: what comes after it may be wrong as well."""
        self.wrong.append(yaml.constructor.ConstructorError(None, None, why, node.start_mark))

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _MISREAD:
            self.refuse("a value looks like a number or a date and is not one", node)
            return None


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen, usable = set(), []
    for key, item in node.value:
        if key.tag != _MERGE:
            name = loader.construct_object(key, deep=True)
            if isinstance(name, bool) or not isinstance(name, str | int):
                loader.refuse("a key is not text", key)
                continue
            if str(name) in seen:
                loader.refuse(f"the key {name!r} appears twice", key)
                continue
            seen.add(str(name))
        usable.append((key, item))
    node.value = usable
    return {str(name): value for name, value in yaml.SafeLoader.construct_mapping(loader, node, deep=True).items()}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
#: what YAML's own words mean for somebody who edits the file
_REMEDIES = {
    "appears twice": "remove one of them",
    "is not text": "quote it: on, off, yes, no and null are not text in YAML",
    "'\\t'": "indent with spaces, not with tabs",
    "tag": "write plain values: text, numbers, true, false, lists and mappings",
    "document": "one file holds one environment",
    "alias": "define the anchor before it is used",
    "looks like": "quote it, so that it is text",
    "levels": "use fewer levels",
    "keys": "write them out, without aliases of aliases",
}


def read(path: Path) -> tuple[dict[str, Any], Where]:
    """The document, and for each path in it ``file:line:column``.

    Raises `ConfigError` for a file that is missing, is not YAML, or is not a mapping.
    """
    text = _text(path)
    try:
        data, nodes = _parsed(text)
    except yaml.YAMLError as error:
        raise _unreadable(_first(error), path) from None
    if not isinstance(data, dict):
        raise ConfigError(
            "an environment file is a mapping of keys",
            where=f"{path}:1:1",
            hint="see one: livekit-deploy config init --env example",
        )
    spots = {at: f"{path}:{mark.line + 1}:{mark.column + 1}" for at, (mark, _) in nodes.items()}
    return data, Where(spots, _plain(nodes))


def _first(error: yaml.YAMLError) -> yaml.YAMLError:
    return error.wrong[0] if isinstance(error, _Several) else error


def unusable(path: Path) -> list[ConfigError]:
    """All that can be said of a text that cannot be used; where its form is not that of YAML, the first of it alone,
    since what follows is read as something else."""
    try:
        _parsed(_text(path))
    except yaml.YAMLError as error:
        return [_unreadable(one, path) for one in (error.wrong if isinstance(error, _Several) else [error])]
    except ConfigError as error:
        return [error]
    return []


def value(text: str) -> tuple[Any, dict[Place, str]]:
    """One value, read as those of a file are, and how the plain values in it are written; raises `yaml.YAMLError`."""
    found, nodes = _parsed(text)
    return found, _plain(nodes) if nodes else {(): ""}


_Nodes = dict[Place, tuple[yaml.Mark, yaml.Node]]  # the mark is that of the key, where there is one


def _plain(nodes: _Nodes) -> dict[Place, str]:
    return {
        at: str(node.value) for at, (_, node) in nodes.items() if isinstance(node, yaml.ScalarNode) and not node.style
    }


def _parsed(text: str) -> tuple[Any, _Nodes]:
    """What the text says, and what stands at each path in it."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        nodes: _Nodes = {}
        if root is None:
            return None, nodes
        _locate(root, (), nodes)
        found = loader.construct_document(root)
        if loader.wrong:
            raise _Several(loader.wrong)
        return found, nodes
    finally:
        loader.dispose()


def _too(what: str, most: str, mark: Any) -> yaml.YAMLError:
    return yaml.composer.ComposerError(None, None, f"it is too {what}: {most}", mark)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _absent(path) from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder", hint="name a file in it") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError("this is not UTF-8 text", where=f"{path}:{line}", hint="save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", hint="check its mode") from None


def _absent(path: Path) -> ConfigError:
    """Names the folder that was searched, and what there is in it: a file made in another one would be a second."""
    folder = path.absolute().parent
    there = sorted(one.stem for one in folder.glob("*.yaml"))
    if near := difflib.get_close_matches(path.stem, there, n=1):
        hint = f"did you mean {near[0]}?"
    elif there:
        hint = f"there are {', '.join(there[:_MOST_NAMED])}"
    else:
        hint = "go to the folder that it was made in, or name the file with --config FILE"
    if fits(("name",), path.stem):
        by_name = path.parts[:-1] == _ENVIRONMENTS
        named = f"--env {path.stem}" if by_name else f"--config {shlex.quote(str(path))}"
        hint = f"{hint}; to make a new one: livekit-deploy config init {named}"
    return ConfigError(f"there is no environment file {path}: looked in {folder}", hint=hint)


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


def _locate(node: yaml.Node, at: Place, found: _Nodes) -> None:
    if len(found) > _MOST_KEYS:
        raise _too("large", f"more than {_MOST_KEYS} keys", node.start_mark)
    if len(at) > _DEEPEST:
        raise _too("deep or recursive", f"more than {_DEEPEST} levels", node.start_mark)
    found[at] = (node.start_mark, node)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = (*at, str(key.value))
            _locate(value, path, found)
            found[path] = (key.start_mark, value)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _locate(item, (*at, number), found)
