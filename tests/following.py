"""Follows what a hint says: the commands of ours that it names, read by the real parser."""

from __future__ import annotations

import re
import shlex

import click

from tests.unit.texts.commands import COMMAND, command

_ADOPT = re.compile(r"--adopt (\S+?)[,;:.]?(?= |$)")


def commands(hint: str) -> list[tuple[str, dict[str, object]]]:
    """Each command that is named, by its name and with what the parser makes of its options."""
    found = []
    for said in COMMAND.findall(hint):
        named, context, rest = command(shlex.split(said))
        assert not isinstance(named, click.Group), said
        made = named.make_context(str(named.name), [word.rstrip(".") for word in rest], parent=context.parent)
        found.append((str(named.name), made.params))
    return found


def adopted(hint: str) -> frozenset[str]:
    """What is taken over by whoever does as is said: a command of its own, or an option to the same one again."""
    by_command = {address for _, params in commands(hint) for address in params.get("adopt", ())}  # type: ignore[attr-defined]
    found = by_command | set(_ADOPT.findall(hint))
    assert found, f"nothing is taken over by: {hint}"
    return frozenset(found)
