"""``keys``: changes LiveKit's API keys in Secrets Manager and gives them to the pods."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from livekit_deploy.cli.asking import agreed, can_ask, says_yes
from livekit_deploy.cli.listening import listening
from livekit_deploy.cli.open_deployer import shown
from livekit_deploy.cli.options import Options, load, screen
from livekit_deploy.errors import Declined, DeployError

if TYPE_CHECKING:
    from livekit_deploy.config import Environment
    from livekit_deploy.deployer import Deployer
    from livekit_deploy.operations.api_keys import Keyring
    from livekit_deploy.operations.report import Report
    from livekit_deploy.render.listener import Listener
    from livekit_deploy.render.screen import Screen

_STAGE = "livekit"  # all that follows a key is in it
_ENDS_CALLS = (
    "LiveKit signs the tokens with which calls reconnect, and may use any of its keys: a running call whose "
    "token is signed with this key cannot reconnect to pods that do not have the key"
)
_yes = click.option("--yes", "-y", is_flag=True, help="do not ask")


def list_(options: Options) -> None:
    """List the keys with their names and ages, and how many pods have all of them."""
    shown(options, "keys list", lambda made: made.keys.present(), asdict, lambda screen, keys: screen.keys(keys))


@click.option("--name", metavar="NAME", help="who or what uses it (default: today's date)")
@_yes
def add(options: Options, name: str | None, yes: bool) -> None:
    """Add a key, unless one of this name exists, and give it to the pods."""
    chosen = name or f"{datetime.now(UTC):%Y-%m-%d}"
    _changed(options, "add", yes, lambda ring: {"key": ring.add(chosen), "name": chosen})


@click.argument("name", default="main")
@_yes
def rotate(options: Options, name: str, yes: bool) -> None:
    """Make a second key for NAME (default: main). The old one stays valid until `keys remove`."""

    def change(ring: Keyring) -> dict[str, str]:
        turn = ring.rotate(name)
        return {"key": turn.new, "name": name, "old": turn.old}

    _changed(options, "rotate", yes, change)


@click.argument("key")
@click.option("--now", is_flag=True, help="do not wait for pods with earlier keys: their calls cannot reconnect")
@_yes
def remove(options: Options, key: str, now: bool, yes: bool) -> None:
    """Revoke KEY: its tokens stop working once the pods have restarted. The last key cannot be removed.

    It waits until pods with earlier keys have ended, which may take hours while their calls drain, and then ten
    minutes more; --timeout limits that. Calls on the pods that are then replaced may also hold tokens of KEY, with
    which they cannot reconnect: choose a time with few calls.
    """

    def change(ring: Keyring) -> dict[str, str]:
        ring.remove(key, now=now)
        return {"old": key}

    _changed(options, "remove", yes, change, ends=key)


def _changed(
    options: Options, verb: str, yes: bool, change: Callable[[Keyring], dict[str, str]], *, ends: str = ""
) -> None:
    """Change the secret, then bring what follows it to its new version; ``ends`` is the key that is ended by it."""
    env, where = load(options), screen(options)
    can_ask(options, yes, "--yes")
    with listening(options, where, f"keys {verb}", env) as (listener, made):
        if ends and made.keys.in_use(ends):
            where.warn([_ENDS_CALLS])
        if ends and not yes:
            agreed(where, f"Revoke this key of {env.name}?")
        said, followed = change(made.keys), None
        if made.keys.followers:
            with _to_be_continued(env, verb):
                followed = _follow(options, env, where, listener, made, yes)
    if not options.json:
        where.key_changed(env, **said)
        if followed is not None:
            where.unfinished(followed, env)


@contextlib.contextmanager
def _to_be_continued(env: Environment, verb: str) -> Iterator[None]:
    """Say of what fails after Secrets Manager was changed that the change is made, and how it reaches the pods."""
    try:
        yield
    except DeployError as error:
        up = f"livekit-deploy up --env {env.name}"
        goes_on = f"the change is in Secrets Manager: continue with {up}, or with the same keys {verb}"
        error.hint = f"{error.hint}; {goes_on}" if error.hint else goes_on
        raise


def _follow(
    options: Options, env: Environment, where: Screen, listener: Listener, made: Deployer, yes: bool
) -> Report | None:
    """What was done, None where there was nothing to do."""
    plan, report = made.plan(targets=made.keys.followers, stage=_STAGE), None
    if options.json or plan.changes:
        listener.planned(plan)
    made.check(plan)
    if plan.changes and not yes and not says_yes(where, f"Apply these {len(plan.changes)} changes to {env.name}?"):
        raise Declined("the pods were not changed")
    if plan.changes or options.json:
        bound = None if yes else plan
        with listener:
            report = made.up(bound, targets=made.keys.followers, stage=_STAGE)
        listener.finished(report)
    if not made.keys.followed:
        raise DeployError("the pods do not use the new keys: none was given the present version of the secret")
    return report
