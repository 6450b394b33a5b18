"""``version`` and ``completion``: commands about this program, without an environment."""

from __future__ import annotations

import platform

import click

from livekit_deploy import __version__
from livekit_deploy.cli.options import bare_screen


@click.option("--json", "as_json", is_flag=True, help="with the versions of Python and of its libraries")
def version(as_json: bool) -> None:
    """Print the version of this program."""

    where = bare_screen()
    if not as_json:
        where.result(__version__)
        return
    from importlib import metadata

    built_on = {name: metadata.version(name) for name in ("boto3", "kubernetes", "pyhelm3")}
    where.json_value({"livekit_deploy": __version__, "python": platform.python_version(), **built_on})


@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands and options.

    \b
    For bash, and for zsh after compinit:
      eval "$(livekit-deploy completion bash)"
    For fish:
      livekit-deploy completion fish | source
    """
    from click.shell_completion import get_completion_class

    from livekit_deploy.cli.command_lines import PROGRAM
    from livekit_deploy.cli.entry import cli

    made = get_completion_class(shell)
    assert made is not None  # click has these three
    script = made(cli, {}, PROGRAM, f"_{PROGRAM.upper().replace('-', '_')}_COMPLETE").source()
    bare_screen().result(
        script.replace('string split ","', 'string split -m 1 ","')
    )  # fish: a description has commas too
