"""The command group: loads each command when it is called, and turns errors into exit codes."""

from __future__ import annotations

import difflib
import functools
import shlex
import sys
import traceback
from copy import copy
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livekit_deploy import __version__
from livekit_deploy.cli.command_lines import PROGRAM, Spelling, program
from livekit_deploy.cli.commands import COMMANDS, Command, below, called_elsewhere
from livekit_deploy.cli.options import command_of
from livekit_deploy.cli.signals import INTERRUPTED
from livekit_deploy.errors import DeployError, Incomplete, UsageError
from livekit_deploy.render import streams

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class _Group(click.Group):
    """A group of the table of commands; what is below it is imported when it is called."""

    def __init__(self, declared: Command) -> None:
        super().__init__(declared.word or None, help=declared.help)
        self._name = declared.name

    def list_commands(self, context: click.Context) -> list[str]:
        return list(below(self._name))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        declared = below(self._name).get(name)
        return _made(declared) if declared else None


class _Program(_Group):
    """All of it: besides, it knows what its commands are called elsewhere, and lists them without importing any."""

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As usual; for a name that is none, the nearest one, or what it is called here."""
        name, known, elsewhere = arguments[0], below(""), called_elsewhere()
        if name in known or name.startswith("-") or context.resilient_parsing:
            return super().resolve_command(context, arguments)
        if name in elsewhere:
            here = shlex.join([*elsewhere[name].split(), *arguments[1:]])
            raise UsageError(f"there is no command {name}", hint=f"use: {PROGRAM} {here}")
        near = difflib.get_close_matches(name, known, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"No such command {name!r}.{meant}", hint=f"see: {PROGRAM} --help")

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """As usual, without importing any command."""
        from click.shell_completion import CompletionItem

        begun = [one for name, one in below("").items() if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, context, incomplete)
        return [*(CompletionItem(one.name, help=one.summary) for one in begun), *options]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """What each does, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(one.name, one.summary) for one in below("").values()])


@functools.cache
def _loaded(code: str) -> click.Command:
    """The command of a function, such as ``run:up``: click takes its options off it."""
    module, _, function = code.partition(":")
    return command_of(getattr(import_module(f"livekit_deploy.cli.{module}"), function))


def _made(declared: Command) -> click.Command:
    """The command as click has it: its function, under its name, with its example at the end of its help."""
    if declared.is_group:
        command: click.Command = _Group(declared) if declared.name else _Program(declared)
    else:
        command = copy(_loaded(declared.code))
    command.name = declared.word
    # whole, where click would cut it
    command.short_help = declared.summary or (command.help or "").partition(".")[0]
    command.epilog = f"Example:\n\n\b\n  {PROGRAM} {declared.example}"
    return command


cli = click.version_option(__version__, prog_name=PROGRAM)(_made(COMMANDS[""]))
cli.context_settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def run(arguments: list[str]) -> int:
    """The exit code of a command line."""
    try:
        code = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return UsageError.exit_code
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        command = context.command_path if context else PROGRAM
        return _told(UsageError(error.format_message(), hint=f"see: {command} --help"), arguments)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except DeployError as error:
        return _told(error, arguments)
    except Exception as error:
        if {"-v", "-vv", "--verbose"} & set(arguments):
            raise
        return _told(_unexpected(error), arguments)
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception) -> DeployError:
    """What no code of ours foresaw, with the place where it came up."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    return DeployError(
        f"internal error (please report it): {said}",
        hint="everything that was made is recorded: run the same command again with -vv, and report what it prints",
    )


def _told(error: DeployError, arguments: list[str]) -> int:
    from livekit_deploy.render.failure import show

    Spelling(program()).correct(error)
    show(error, json="--json" in arguments, plain="--no-color" in arguments)
    return error.code if isinstance(error, Incomplete) else error.exit_code


def ended(code: int, arguments: list[str]) -> int:
    """The exit code once it is known whether the results were written: those who only show have failed without."""
    failure = streams.lost()
    if failure is None:
        return code
    sys.stderr.write(f"warning: the results were not all written: {failure.strerror}\n")
    changed = any(one.changes for name, one in below("").items() if name in arguments[:1])
    return code or (0 if changed else DeployError.exit_code)
