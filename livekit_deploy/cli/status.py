"""``status``, ``outputs`` and ``graph``: read-only commands."""

from __future__ import annotations

import difflib
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from livekit_deploy.cli.open_deployer import deployer, shown
from livekit_deploy.cli.options import Options, load, screen
from livekit_deploy.errors import CredentialsError, UsageError

if TYPE_CHECKING:
    from livekit_deploy.config import Environment
    from livekit_deploy.engine.critical_path import Step
    from livekit_deploy.render.screen import Screen


@click.option("--refresh", is_flag=True, help="ask AWS as well, and show drift")
def status(options: Options, refresh: bool) -> None:
    """Show stages, resources, pending work, lease and endpoints on one screen."""
    shown(
        options,
        "status",
        lambda made: (made.status(), made.plan() if refresh else None),
        lambda found: asdict(found[0]),
        lambda screen, found: screen.status(*found),
    )


@click.option("-o", "--output", "name", metavar="NAME", help="print only this value")
def outputs(options: Options, name: str | None) -> None:
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


@click.option("--format", "form", type=click.Choice(["text", "mermaid", "svg"]), default="text", show_default=True)
@click.option("--critical-path", is_flag=True, help="only the longest chain, by the durations of earlier runs")
def graph(options: Options, form: str, critical_path: bool) -> None:
    """Show the resource graph: what depends on what, and how long each usually takes."""
    from livekit_deploy.render.graph import as_json
    from livekit_deploy.stack import stack

    env, where = load(options), screen(options)
    if not critical_path:
        where.json_value(as_json(stack(env))) if options.json else where.graph(stack(env), form)
        return
    chain = _chain(options, env, where)
    if options.json:
        where.json_value({"seconds": sum(step.seconds for step in chain), "chain": [asdict(step) for step in chain]})
    else:
        where.critical_path(chain)


def _chain(options: Options, env: Environment, where: Screen) -> list[Step]:
    """By what earlier runs took, which the state has; without credentials for it only what is usual is known."""
    from livekit_deploy.engine.critical_path import expected_chain
    from livekit_deploy.stack import stack

    found = None
    try:
        with deployer(options, env, "graph") as made:
            found = made.lease()
    except CredentialsError as error:
        where.warn([f"the durations of earlier runs are not known: {error}"])
    return expected_chain(stack(env), found[0] if found else None)
