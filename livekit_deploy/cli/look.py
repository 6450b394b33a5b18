"""``status``, ``outputs`` and ``graph``: they look and change nothing."""

from __future__ import annotations

from dataclasses import asdict

import click

from livekit_deploy.cli.options import Options, deployer, load, screen, shared
from livekit_deploy.errors import UsageError


@click.command()
@click.option("--refresh", is_flag=True, help="ask AWS as well, and show drift")
@shared
def status(options: Options, refresh: bool) -> int:
    """One screen: stages, resources, pending work, lease, endpoints."""
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
@click.option("-o", "--output", "name", metavar="NAME", help="only this one, as it is")
@shared
def outputs(options: Options, name: str | None) -> int:
    """Names and endpoints of what runs: network, cluster, Redis, LiveKit. Never a secret."""
    env, where = load(options), screen(options)
    with deployer(options, env, "outputs") as made:
        found = made.outputs()
    if name is not None:
        if name not in found:
            near = ", ".join(sorted(found)) or "none yet: run up first"
            raise UsageError(f"there is no output {name}", hint=f"there are: {near}")
        where.result(str(found[name]))
    elif options.json:
        where.json_value(found)
    else:
        where.outputs(found)
    return 0


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "svg"]), default="text", show_default=True)
@shared
def graph(options: Options, form: str) -> int:
    """The resource graph: what comes after what, with how long each usually takes."""
    from livekit_deploy.stack import stack

    screen(options).graph(stack(load(options)), form)
    return 0
