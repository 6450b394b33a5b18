"""Every command, option, key and address that a text of the product names is one: whoever reads it can type it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import livekit_deploy
from livekit_deploy.cli.entry import cli
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.config.explain import every_key
from livekit_deploy.stack import stack
from tests.places import ENVIRONMENTS
from tests.unit.texts.test_hints import _PUT

_PRODUCT = Path(livekit_deploy.__file__).parent
_ROOT = click.Context(cli)
_COMMAND = re.compile(r"livekit-deploy ((?:(?!livekit-deploy)[^\n`\";,:)])*)")
#: prose in which the program is named, and no command of it
_PROSE = ("again", "changes only what it makes")
#: what a command is called in prose, where something goes on behind it
_WORD = re.compile(r"[a-z][a-z-]*$")
_OF_OTHERS = re.compile(r"\b(?:aws|kubectl|helm|pip|git|make|docker) [^;\n]*")


def _texts() -> Iterator[tuple[str, str]]:
    """Every text of the product, whole, with the file that it is in."""
    for path in sorted(_PRODUCT.rglob("*.py")):
        if "sandbox" in path.relative_to(_PRODUCT).parts[:-1]:
            continue  # it speaks of LiveKit's own settings
        tree = ast.parse(path.read_text())
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield (
                    "".join(str(part.value) if isinstance(part, ast.Constant) else _PUT for part in node.values),
                    path.name,
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                yield node.value, path.name


def _named() -> list[tuple[str, str]]:
    """What stands behind the program's name, with the file."""
    found = {(said.strip(), file) for text, file in _texts() for said in _COMMAND.findall(text)}
    return sorted(one for one in found if not one[0].startswith(_PROSE))


def command(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The command that words begin with, and what is left of them."""
    found: click.Command = cli
    context = _ROOT
    while isinstance(found, click.Group) and words:
        inner = found.get_command(context, words[0].strip(".,:;()"))
        if inner is None:
            break
        found, words = inner, words[1:]
        context = click.Context(found, parent=context)
    return found, context, words


def wrong_with(said: str) -> str:
    """Why a command line as it is named cannot be typed, "" when it can; prose may go on behind it."""
    words = said.split()
    if not words or words[0].startswith((_PUT, "-")):
        return ""
    found, _, rest = command(words)
    if found is cli:
        return f"there is no command {words[0]}"
    if isinstance(found, click.Group) and rest and not rest[0].startswith("("):
        return f"{rest[0]} is no command of {found.name}"
    options = {one: option for option in found.params for one in option.opts if isinstance(option, click.Option)}
    while rest:
        word = rest.pop(0).rstrip(".,:;)")
        if not word.startswith("--"):
            continue
        name, equals, _ = word.partition("=")
        if name not in options:
            return f"{found.name} has no option {name}"
        if not options[name].is_flag and not equals and rest:
            rest.pop(0)
    return ""


@pytest.mark.parametrize(("said", "file"), _named())
def test_a_command_that_is_named_can_be_typed(said: str, file: str) -> None:
    assert wrong_with(said) == ""


def _options(found: click.Command, context: click.Context) -> Iterator[str]:
    for option in found.params:
        yield from option.opts if isinstance(option, click.Option) else ()
    if isinstance(found, click.Group):
        for name in found.list_commands(context):
            inner = found.get_command(context, name)
            assert inner is not None
            yield from _options(inner, click.Context(inner, parent=context))


def test_an_option_that_is_named_is_one_of_ours() -> None:
    known = {*_options(cli, _ROOT), "--help", *_THEIRS}
    named: dict[str, str] = {}
    for text, file in _texts():
        if " " in text:  # without a blank it is a word of another program's command line
            for name in re.findall(r"(?<![\w-])--[a-z][a-z-]+", _OF_OTHERS.sub("", text)):
                named.setdefault(name, file)
    assert len(named) > 20, "nothing is found where there is much"
    assert {name: file for name, file in named.items() if name not in known} == {}


#: options of other programs that are spoken of
_THEIRS = {"--sync-period"}
_KEY = re.compile(rf"(?<![\w./:@-])((?:{'|'.join(Environment.model_fields)})(?:\.[a-z_]+)+)(?![\w(/:-])")


def test_a_key_that_is_named_is_in_the_file_or_among_the_outputs() -> None:
    files = [ENVIRONMENTS / f"{name}.yaml" for name in ("dev", "uat", "prod")]
    kinds = {type(item) for file in files for item in stack(load_environment(file))}
    outputs = {name for kind in kinds for name in kind.exports.values()}
    known = {*(key.path for key in every_key()), *outputs, *(kind.kind for kind in kinds), "livekit.url"}
    named = {
        match[1]: file
        for text, file in _texts()
        for match in _KEY.finditer(_OF_OTHERS.sub("", text))
        if ".example" not in match[0] and not match[0].startswith("livekit.settings.")
    }
    assert len(named) > 30, "nothing is found where there is much"
    assert {name: file for name, file in named.items() if name not in known} == {}
