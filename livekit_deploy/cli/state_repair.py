"""``state restore``, ``rebuild``, ``import`` and ``forget``: show what would be written, ask, write it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from livekit_deploy.cli.asking import agreed, can_ask, named
from livekit_deploy.cli.open_deployer import deployer
from livekit_deploy.cli.options import Options, load, screen
from livekit_deploy.errors import StateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from livekit_deploy.deployer import Deployer
    from livekit_deploy.operations.state_repair import Proposal

_yes = click.option("--yes", "-y", is_flag=True, help="do not ask")


@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--version", "version", metavar="ID", help="an earlier version, as `state history` names it")
@_yes
def restore(options: Options, file: Path | None, version: str | None, yes: bool) -> None:
    """Restore a saved document: a FILE, such as a rescue copy, or an earlier version."""
    if (file is None) == (version is None):
        raise UsageError("choose one document", hint="FILE, or --version ID; see: livekit-deploy state history")

    def make(made: Deployer) -> Proposal:
        return made.upkeep.restore(file) if file is not None else made.upkeep.restore_version(str(version))

    _carried_out(options, "restore", yes, make)


@click.option("--lineage", metavar="ID", help="the lineage to rebuild, if objects of more than one exist")
@click.option("--confirm", metavar="NAME", help="the environment's name: no other state document of it is in use")
@_yes
def rebuild(options: Options, lineage: str | None, confirm: str | None, yes: bool) -> None:
    """Rebuild the document from the objects that carry the environment's tags."""

    def make(made: Deployer) -> Proposal:
        if confirm not in (None, made.env.name):
            raise UsageError(f"--confirm {confirm} is not its name", hint=f"--confirm {made.env.name}")
        proposal = made.upkeep.rebuild(made.declared, lineage)
        if yes and proposal.elsewhere and confirm is None:
            raise StateError(
                proposal.elsewhere,
                hint=f"look for it there and continue with it; if it is lost, add --confirm {made.env.name}",
            )
        return proposal

    _carried_out(options, "rebuild", yes or confirm is not None, make)


@click.argument("address")
@click.argument("id")
@_yes
def import_(options: Options, address: str, id: str, yes: bool) -> None:
    """Record the object ID at ADDRESS. An object without our tags needs --adopt ADDRESS."""
    _carried_out(options, "import", yes, lambda made: made.upkeep.take_over(made.declared(), address, id))


@click.argument("address")
@_yes
def forget(options: Options, address: str, yes: bool) -> None:
    """Drop the record of ADDRESS. The object itself is not touched."""
    _carried_out(options, "forget", yes, lambda made: made.upkeep.forget(address))


def _carried_out(options: Options, verb: str, yes: bool, make: Callable[[Deployer], Proposal]) -> None:
    from livekit_deploy.render.sentences import sentence

    env, where = load(options), screen(options)
    can_ask(options, yes, "--yes")
    with deployer(options, env, f"state {verb}", lambda event: where.note(sentence(event))) as made:
        proposal = make(made)
        if not options.json:
            where.proposal(proposal)
        if not yes and proposal.elsewhere:
            named(where, env.name, "No other state document of it is in use? Type its name:", "nothing was changed")
        elif not yes:
            agreed(where, f"Write this state of {env.name}?")
        written = made.upkeep.carry_out(proposal, f"state {verb}")
    if options.json:
        where.json_value({"serial": written.serial, "lineage": written.lineage, **proposal.summary()})
    else:
        where.say(f"the state is #{written.serial} now, with {len(written.records)} records")
        where.say(f"next: livekit-deploy plan --env {env.name}")
