"""``state``: what is recorded, who holds the lease, and putting a saved document back."""

from __future__ import annotations

from pathlib import Path

import click

from livekit_deploy.cli.options import Options, deployer, interactive, load, screen, shared
from livekit_deploy.errors import Declined, UsageError


@click.group()
def state() -> None:
    """List, show, unlock, restore."""


@state.command("list")
@shared
def list_(options: Options) -> int:
    """The addresses that are recorded, with phase and id."""
    env, where = load(options), screen(options)
    with deployer(options, env, "state list") as made:
        found = made.status().records
    if options.json:
        where.json_value([{"address": a, "phase": p, "id": i, "since": s} for a, p, i, s in found])
    else:
        where.records(found)
    return 0


@state.command()
@click.argument("address", required=False)
@shared
def show(options: Options, address: str | None) -> int:
    """The whole document, or the record of one address. There is no secret in it."""
    from dataclasses import asdict

    env, where = load(options), screen(options)
    with deployer(options, env, "state show") as made:
        found = made.lease()
    if found is None:
        raise UsageError("there is no state yet", hint=f"run: livekit-deploy up --env {env.name}")
    document = asdict(found[0])
    if address is not None:
        if address not in document["records"]:
            raise UsageError(f"{address} is not recorded", hint="see: livekit-deploy state list")
        document = document["records"][address]
    where.json_value(document)
    return 0


@state.command()
@click.option("--yes", "-y", is_flag=True, help="do not ask")
@shared
def unlock(options: Options, yes: bool) -> int:
    """Take the lease away from its holder, who is shown first. A dead holder's ends by itself."""
    env, where = load(options), screen(options)
    with deployer(options, env, "state unlock") as made:
        found = made.lease()
        if found is None or found[1] is None:
            where.say("nobody holds the lease")
            return 0
        where.holder(found[1], found[2])
        if not yes:
            if not interactive():
                raise UsageError("there is no terminal to ask on: the lease is not touched", hint="add --yes")
            if not where.ask("Take the lease away?"):
                raise Declined("the lease was not touched")
        made.unlock(found[1])
    where.say("the lease is free")
    return 0


@state.command()
@click.argument("file", type=click.Path(path_type=Path))
@shared
def restore(options: Options, file: Path) -> int:
    """Put a saved document, such as a rescue copy, in place of the present one."""
    env, where = load(options), screen(options)
    with deployer(options, env, "state restore") as made:
        found = made.restore(file)
    where.say(f"the state is #{found.serial} again, with {len(found.records)} records")
    return 0
