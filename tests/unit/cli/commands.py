"""Every command of the command line."""

from __future__ import annotations

from collections.abc import Iterator

import click

from livekit_deploy.cli import entry

# ---- help


def _walk(command: click.Command, path: tuple[str, ...], context: click.Context) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _walk(inner, (*path, name), context)


COMMANDS = list(_walk(entry.cli, (), click.Context(entry.cli)))
