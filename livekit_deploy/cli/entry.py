"""The commands, each loaded when it is called, and the one place where errors become exit codes."""

from __future__ import annotations

import difflib
import shlex
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livekit_deploy import __version__
from livekit_deploy.cli.examples import show_example
from livekit_deploy.cli.signals import INTERRUPTED
from livekit_deploy.cli.spelling import PROGRAM, Spelling, program
from livekit_deploy.errors import DeployError, Incomplete, UsageError
from livekit_deploy.render import streams

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: command → (module of `cli`, its name there, what --help says)
_COMMANDS = {
    "up": ("run", "up", "plan, ask, apply, and say where LiveKit answers"),
    "plan": ("run", "plan", "what `up` would do, attribute by attribute"),
    "down": ("run", "down", "the reverse, then the proof that nothing is left"),
    "prerequisites": ("prerequisites", "prerequisites", "can `up` succeed? rights, quotas, offerings, DNS, tools"),
    "check": ("prerequisites", "prerequisites", "the same as prerequisites"),
    "verify": ("verify", "verify", "does LiveKit answer? each failure with cause and remedy"),
    "status": ("status", "status", "one screen: stages, resources, lease, endpoints"),
    "outputs": ("status", "outputs", "names and endpoints of what runs"),
    "logs": ("logs", "logs", "what LiveKit's pods say, also as it comes"),
    "events": ("logs", "events", "what the cluster says of LiveKit's objects"),
    "keys": ("keys", "keys", "LiveKit's API keys: list, add, rotate, remove"),
    "iam-policy": ("iam_policy", "iam_policy", "the least policy that up and down of an environment need"),
    "graph": ("status", "graph", "the resource graph as text, Mermaid or SVG"),
    "kubeconfig": ("kubeconfig", "kubeconfig", "write a kubeconfig without a token in it"),
    "token": ("kubeconfig", "token", "print a credential for the cluster, for kubectl and helm"),
    "state": ("state", "state", "list, show, history, unlock, restore, rebuild, import, forget"),
    "config": ("config", "config", "init, validate, show, schema"),
    "sandbox": ("sandbox", "sandbox", "start, stop, status, reset, env, faults"),
    "version": ("version", "version", "the version of this program and of what it is built on"),
    "completion": ("version", "completion", "a script that completes commands and options in a shell"),
}
#: of whom it is known what they did although their results did not reach anybody
_CHANGE = ("up", "down", "keys", "state", "sandbox")
#: what other tools call it → what it is called here
_ELSEWHERE = {
    "apply": "up",
    "deploy": "up",
    "preview": "plan",
    "diff": "plan",
    "cost": "plan",
    "drift": "plan --refresh-only",
    "refresh": "status --refresh",
    "destroy": "down",
    "delete": "down",
    "init": "config init",
    "validate": "config validate",
    "doctor": "prerequisites",
    "health": "verify",
    "output": "outputs",
    "show": "state show",
    "import": "state import",
    "unlock": "state unlock",
    "force-unlock": "state unlock",
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[name]
        command: click.Command = getattr(import_module(f"livekit_deploy.cli.{module}"), attribute)
        show_example(command, name)
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As usual; for a name that is none, the nearest one, or what it is called here."""
        name = arguments[0]
        if name in _COMMANDS or name.startswith("-") or context.resilient_parsing:
            return super().resolve_command(context, arguments)
        if name in _ELSEWHERE:
            here = shlex.join([*_ELSEWHERE[name].split(), *arguments[1:]])
            raise UsageError(f"there is no command {name}", hint=f"here it is: {PROGRAM} {here}")
        near = difflib.get_close_matches(name, _COMMANDS, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"No such command {name!r}.{meant}", hint=f"see: {PROGRAM} --help")

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """As usual, without importing any command."""
        from click.shell_completion import CompletionItem

        begun = [(name, said) for name, (_, _, said) in _COMMANDS.items() if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, context, incomplete)
        return [*(CompletionItem(name, help=said) for name, said in begun), *options]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """What each does, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, _, said) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """LiveKit on AWS EKS: from one environment file to a LiveKit that answers, and back to nothing."""


show_example(cli, "")


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
        f"this is a mistake of the program: {said}",
        hint="what was made is recorded: run the same command again, with -vv; report what it says then",
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
    changes = any(one in _CHANGE for one in arguments[:1])
    return code or (0 if changes else DeployError.exit_code)
