"""``status``, ``outputs`` and ``graph``: read-only commands."""

from __future__ import annotations

import difflib
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from livekit_deploy.cli.opening import deployer
from livekit_deploy.cli.options import Options, load, screen, shared
from livekit_deploy.errors import CredentialsError, UsageError

if TYPE_CHECKING:
    from livekit_deploy.config import Environment
    from livekit_deploy.render.screen import Screen
    from livekit_deploy.state.document import State


@click.command()
@click.option("--refresh", is_flag=True, help="ask AWS as well, and show drift")
@shared
def status(options: Options, refresh: bool) -> int:
    """Show stages, resources, pending work, lease and endpoints on one screen."""
    env, where = load(options), screen(options)
    with deployer(options, env, "status") as made:
        found = made.status()
        drift = made.plan() if refresh else None
    if options.json:
        where.json_value(asdict(found))
    else:
        where.status(found, drift)
    return 0


@click.command()
@click.option("-o", "--output", "name", metavar="NAME", help="print only this value")
@shared
def outputs(options: Options, name: str | None) -> int:
    """Print the names and endpoints of network, cluster, Redis and LiveKit. Secrets are never shown."""
    env, where = load(options), screen(options)
    with deployer(options, env, "outputs") as made:
        found = made.outputs()
    if name is not None:
        if name not in found:
            near = difflib.get_close_matches(name, found, n=1)
            there = f"there are: {', '.join(sorted(found))}" if found else "nothing is deployed yet: livekit-deploy up"
            raise UsageError(f"there is no output {name}", hint=f"did you mean {near[0]}?" if near else there)
        where.result(str(found[name]))
    elif options.json:
        where.json_value(found)
    else:
        where.outputs(found)
    return 0


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "svg"]), default="text", show_default=True)
@click.option("--critical-path", is_flag=True, help="only the longest chain, by the durations of earlier runs")
@shared
def graph(options: Options, form: str, critical_path: bool) -> int:
    """Show the resource graph: what depends on what, and how long each usually takes."""
    from livekit_deploy.engine.critical_path import expected_chain
    from livekit_deploy.render.graph import as_json
    from livekit_deploy.stack import stack

    env, where = load(options), screen(options)
    if not critical_path:
        if options.json:
            where.json_value(as_json(stack(env)))
        else:
            where.graph(stack(env), form)
        return 0
    chain = expected_chain(stack(env), _known(options, env, where))
    if options.json:
        where.json_value({"seconds": sum(step.seconds for step in chain), "chain": [asdict(step) for step in chain]})
    else:
        where.critical_path(chain)
    return 0


def _known(options: Options, env: Environment, where: Screen) -> State | None:
    """The state, with what earlier runs took; without credentials for it only what is usual is known."""
    try:
        with deployer(options, env, "graph") as made:
            found = made.lease()
    except CredentialsError as error:
        where.warn([f"the durations of earlier runs are not known: {error}"])
        return None
    return found[0] if found else None
