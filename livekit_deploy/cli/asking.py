"""Asks before something is changed, and refuses at once if nobody can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit_deploy.cli.options import Options, interactive, path_of
from livekit_deploy.cli.signals import handled, unwind
from livekit_deploy.errors import Declined, Interrupted, UsageError

if TYPE_CHECKING:
    from livekit_deploy.render.screen import Screen


def can_ask(options: Options, settled: bool, flag: str) -> None:
    """Raise `UsageError` naming the flag when the answer is not ``settled`` and there is no terminal to ask on."""
    if not settled and (options.json or not interactive()):
        raise UsageError(
            f"cannot ask here, there is no terminal: nothing was done to {path_of(options).stem}", hint=f"add {flag}"
        )


def agreed(where: Screen, question: str) -> None:
    """Ask; raise `Declined` unless the answer is yes."""
    if not says_yes(where, question):
        raise Declined("nothing was changed", hint="answer y, or add --yes")


def named(where: Screen, name: str, question: str, kept: str) -> None:
    """Ask for the environment's name: whoever means another one types another name. Raises `Declined`."""
    if answer(where, question) != name:
        raise Declined(f"{kept}: that is not its name", hint=f"type {name}, or add --confirm {name}")


def says_yes(where: Screen, question: str) -> bool:
    """Ask for a yes or no; no is the default."""
    return answer(where, f"{question} [y/N]").strip().lower() in ("y", "yes")


def answer(where: Screen, question: str) -> str:
    """What is typed, "" at the end of the input. A signal ends the question: there is no run yet that could end."""
    try:
        with handled(unwind):
            return where.prompt(question)
    except KeyboardInterrupt:
        where.say("")
        raise Interrupted("interrupted at the question: nothing was done", hint="run it again, and answer") from None
