"""What the texts of the product name: commands, options and keys."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click

import livekit_deploy
from livekit_deploy.cli.entry import cli
from tests.unit.texts.hints import PUT

_PRODUCT = Path(livekit_deploy.__file__).parent
TOP = click.Context(cli)
COMMAND = re.compile(r"livekit-deploy ((?:(?!livekit-deploy)[^\n`\";,:)])*)")
#: prose in which the program is named, and no command of it
_PROSE = ("again", "changes only what it makes")


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the product, whole, with the file that it is in."""
    for path in sorted(_PRODUCT.rglob("*.py")):
        if "sandbox" in path.relative_to(_PRODUCT).parts[:-1]:
            continue  # it speaks of LiveKit's own settings
        tree = ast.parse(path.read_text())
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield (
                    "".join(str(part.value) if isinstance(part, ast.Constant) else PUT for part in node.values),
                    path.name,
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                yield node.value, path.name


def named() -> list[tuple[str, str]]:
    """What stands behind the program's name, with the file."""
    found = {(said.strip(), file) for text, file in texts() for said in COMMAND.findall(text)}
    return sorted(one for one in found if not one[0].startswith(_PROSE))


def command(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The command that words begin with, and what is left of them."""
    found: click.Command = cli
    context = TOP
    while isinstance(found, click.Group) and words:
        inner = found.get_command(context, words[0].strip(".,:;()"))
        if inner is None:
            break
        found, words = inner, words[1:]
        context = click.Context(found, parent=context)
    return found, context, words
