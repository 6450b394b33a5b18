"""``verify``: checks whether LiveKit answers, and which part fails if not."""

from __future__ import annotations

import click

from livekit_deploy.cli.open_deployer import deployer
from livekit_deploy.cli.options import Options, load, screen, spelling

FAILED = 7
_WATCH = 600.0


@click.option("--watch", is_flag=True, help="repeat until every check holds, or for --timeout (default 10m)")
def verify(options: Options, watch: bool) -> int:
    """Check everything between a user and a pod. Each failure has a cause and a remedy (exit code 7).

    New pods that wait until calls on older pods have ended are unfinished, which is not a failure.
    """
    return _verified(options, within=(options.timeout or _WATCH) if watch else 0.0, to_the_end=watch)


def verify_step(options: Options) -> int:
    """The step ``verify``: as at the end of `up`, what was just made is given time to answer."""
    return _verified(options, within=options.timeout or _WATCH)


def _verified(options: Options, within: float, *, to_the_end: bool = False) -> int:
    from livekit_deploy.checks.finding import failed
    from livekit_deploy.render import findings
    from livekit_deploy.render.sentences import sentence

    env, where = load(options), screen(options)
    with deployer(options, env, "verify", lambda event: where.note(sentence(event)) if within else None) as made:
        found = spelling(options).findings(made.verify(within=within, to_the_end=to_the_end))
    if options.json:
        where.json_value(findings.as_json(found))
    else:
        where.verified(found, env)
    return FAILED if failed(found) else 0
