"""``sandbox``: starts, stops and inspects the sandbox process. ``--sandbox`` on any command starts it by itself."""

from __future__ import annotations

import click

from livekit_deploy.cli.open_deployer import connected
from livekit_deploy.cli.options import Options, bare_screen, load, screen
from livekit_deploy.errors import UsageError


@click.option("--speed", type=float, default=60.0, show_default=True, help="AWS's seconds per second; inf: no waits")
def start(speed: float) -> None:
    """Start the sandbox, or show the one that runs."""
    from livekit_deploy.cli.rehearsal import ACCOUNT
    from livekit_deploy.sandbox.server import connect

    if not speed > 0:
        raise UsageError("--speed must be above 0", hint="give 60 for a demo of half a minute; inf waits for nothing")
    found = connect(ACCOUNT, "us-east-1", speed=speed)
    bare_screen().say(f"the sandbox runs at {found.endpoint_url}, speed {found.speed:g} (process {found.pid})")


def stop() -> None:
    """Stop the sandbox. Everything that was made in it is lost."""
    from livekit_deploy.sandbox.server import stop as end

    bare_screen().say("the sandbox is stopped" if end() else "no sandbox is running")


@click.option("--json", "json", is_flag=True, help="only JSON on stdout")
def status(json: bool) -> None:
    """Show what runs in the sandbox."""
    from livekit_deploy.sandbox.server import status as ask

    found = ask() or {}
    if json:
        bare_screen().json_value({"running": bool(found), **found})
    elif found:
        clusters = ", ".join(found["clusters"]) or "none"
        bare_screen().outputs({**found, "speed": f"{found['speed']:g}", "clusters": clusters})
    else:
        bare_screen().say("no sandbox is running")


def reset() -> None:
    """Delete everything that was made in the sandbox."""
    from livekit_deploy.sandbox.server import reset as forget

    bare_screen().say("the sandbox is empty" if forget() else "no sandbox is running")


def env(options: Options) -> None:
    """Print the variables that make any boto3 program use the sandbox.

    \b
    To set them in this shell:
      eval "$(livekit-deploy sandbox env --env dev)"
    """
    from livekit_deploy.cli.rehearsal import environ

    where = screen(options)
    for name, value in environ(*connected(options, load(options))).items():
        where.result(f"export {name}={value}")
