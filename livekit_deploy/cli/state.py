"""``state``: shows the state document and its history, and releases the lease. Repairs are in `cli.state_repair`."""

from __future__ import annotations

from dataclasses import asdict

import click

from livekit_deploy.cli.asking import agreed, can_ask
from livekit_deploy.cli.open_deployer import deployer, shown
from livekit_deploy.cli.options import Options, load, screen
from livekit_deploy.errors import UsageError


def list_(options: Options) -> None:
    """List the recorded addresses with phase and id."""
    shown(
        options,
        "state list",
        lambda made: made.status().records,
        lambda records: {"records": [asdict(one) for one in records]},
        lambda screen, records: screen.records(records),
    )


@click.argument("address", required=False)
def show(options: Options, address: str | None) -> None:
    """Print the whole document, or the record of one address. It holds no secrets."""
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


@click.option("--yes", "-y", is_flag=True, help="do not ask")
def unlock(options: Options, yes: bool) -> None:
    """Take the lease from its holder, who is shown first. The lease of a dead run ends by itself."""
    env, where = load(options), screen(options)
    with deployer(options, env, "state unlock") as made:
        found = made.lease()
        if found is None or found[1] is None:
            where.say("nobody holds the lease")
            return
        where.holder(found[1], found[2])
        can_ask(options, yes, "--yes")
        if not yes:
            agreed(where, "Take the lease away?")
        made.unlock(found[1])
    where.say("the lease is free")


@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="how many runs, and how many of a bucket's versions",
)
def history(options: Options, limit: int) -> None:
    """List earlier versions of the document: when, by whom, and how many records."""
    shown(
        options,
        "state history",
        lambda made: made.upkeep.history(limit),
        lambda versions: {"versions": [asdict(past) for past in versions]},
        lambda screen, versions: screen.history(versions),
    )
