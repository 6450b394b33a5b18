"""Every command, option, key and address that a text of the product names is one: whoever reads it can type it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from livekit_deploy.cli.entry import cli
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.config.explain import every_key
from livekit_deploy.stack import stack
from tests.places import ENVIRONMENTS
from tests.unit.texts.commands import TOP, command, named, texts
from tests.unit.texts.hints import PUT

_OF_OTHERS = re.compile(r"\b(?:aws|kubectl|helm|pip|git|make|docker) [^;\n]*")


def wrong_with(said: str) -> str:
    """Why a command line as it is named cannot be typed, "" when it can; prose may go on behind it."""
    words = said.split()
    if not words or words[0].startswith((PUT, "-")):
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


@pytest.mark.parametrize(("said", "file"), named())
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
    known = {*_options(cli, TOP), "--help", *_THEIRS}
    named: dict[str, str] = {}
    for text, file in texts():
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
        for text, file in texts()
        for match in _KEY.finditer(_OF_OTHERS.sub("", text))
        if ".example" not in match[0] and not match[0].startswith("livekit.settings.")
    }
    assert len(named) > 30, "nothing is found where there is much"
    assert {name: file for name, file in named.items() if name not in known} == {}
