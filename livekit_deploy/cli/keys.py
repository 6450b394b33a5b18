"""``keys``: LiveKit's API keys. What is changed in Secrets Manager is given to the pods in the same command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from livekit_deploy.cli.asking import agreed, can_ask, says_yes
from livekit_deploy.cli.listening import carried_out, listening
from livekit_deploy.cli.options import Options, deployer, load, screen, shared
from livekit_deploy.errors import Declined

if TYPE_CHECKING:
    from livekit_deploy.config import Environment
    from livekit_deploy.deployer import Deployer
    from livekit_deploy.keyring import Keyring
    from livekit_deploy.render.progress import Listener
    from livekit_deploy.render.screen import Screen

_STAGE = "livekit"  # all that follows a key is in it
_yes = click.option("--yes", "-y", is_flag=True, help="do not ask")


@click.group()
def keys() -> None:
    """LiveKit's API keys: list, add, rotate, remove. A secret is never shown: read it in Secrets Manager."""


@keys.command("list")
@shared
def list_(options: Options) -> int:
    """The keys with name and age, and how many pods have them all."""
    env, where = load(options), screen(options)
    with deployer(options, env, "keys list") as made:
        found = made.keys.present()
    if options.json:
        where.json_value(asdict(found))
    else:
        where.keys(found)
    return 0


@keys.command()
@click.option("--name", metavar="NAME", help="whom it is for (default: today's date)")
@_yes
@shared
def add(options: Options, name: str | None, yes: bool) -> int:
    """Make a key beside those there are, unless there is one of this name, and give it to the pods."""
    chosen = name or f"{datetime.now(UTC):%Y-%m-%d}"
    return _changed(options, "add", yes, lambda ring: {"key": ring.add(chosen), "name": chosen})


@keys.command()
@click.argument("name", default="main")
@_yes
@shared
def rotate(options: Options, name: str, yes: bool) -> int:
    """Make a second key of NAME (default: main). The old one is good until `keys remove` ends it."""

    def change(ring: Keyring) -> dict[str, str]:
        turn = ring.rotate(name)
        return {"key": turn.new, "name": name, "old": turn.old}

    return _changed(options, "rotate", yes, change)


@keys.command()
@click.argument("key")
@_yes
@shared
def remove(options: Options, key: str, yes: bool) -> int:
    """End KEY: once the pods have rolled, what is signed with it is refused. The last key cannot be removed."""

    def change(ring: Keyring) -> dict[str, str]:
        ring.remove(key)
        return {"old": key}

    return _changed(options, "remove", yes, change)


def _changed(options: Options, verb: str, yes: bool, change: Callable[[Keyring], dict[str, str]]) -> int:
    """Change the secret, then bring what follows it to its new version."""
    env, where = load(options), screen(options)
    can_ask(options, yes, "--yes")
    with listening(options, where, f"keys {verb}", env) as (listener, made):
        if verb == "remove" and not yes:
            agreed(where, f"End this key of {env.name}?")
        said = change(made.keys)
        if made.keys.followers:
            _follow(options, env, where, listener, made, yes)
    if not options.json:
        where.key_changed(env, **said)
    return 0


def _follow(options: Options, env: Environment, where: Screen, listener: Listener, made: Deployer, yes: bool) -> None:
    plan = made.plan(targets=made.keys.followers, stage=_STAGE)
    if options.json:
        listener.planned(plan)
    elif plan.changes:
        where.plan(plan)
    made.check(plan)
    if plan.changes and not yes and not says_yes(where, f"Apply these {len(plan.changes)} changes to {env.name}?"):
        raise Declined(
            "Secrets Manager has the change, the pods do not", hint=f"run: livekit-deploy up --env {env.name}"
        )
    if plan.changes or options.json:
        bound = None if yes else plan
        report = carried_out(listener, lambda: made.up(bound, targets=made.keys.followers, stage=_STAGE))
        listener.finished(report)
