"""``logs`` and ``events``: read the logs of LiveKit's pods and the cluster's events. Both are read-only."""

from __future__ import annotations

from dataclasses import asdict

import click

from livekit_deploy.cli.open_deployer import deployer, shown
from livekit_deploy.cli.options import Options, load, screen, seconds
from livekit_deploy.errors import UsageError


@click.option("--follow", "-f", is_flag=True, help="follow the log, until Ctrl-C or for --timeout")
@click.option("--since", metavar="TIME", type=seconds, help="only lines of the last 90s, 5m, 1h")
@click.option("--tail", metavar="N", type=click.IntRange(0), help="the last N lines of each pod (default: 100)")
@click.option("--pod", metavar="NAME", help="only this pod, without its name before each line")
@click.option("--previous", "-p", is_flag=True, help="the log of the previous container, if one ended")
def logs(
    options: Options, follow: bool, since: float | None, tail: int | None, pod: str | None, previous: bool
) -> None:
    """Print the logs of LiveKit's pods in the order of time. With --since all of that time, unless --tail limits it."""
    from livekit_deploy.k8s.pod_logs import Excerpt
    from livekit_deploy.render.sentences import sentence

    if follow and previous:
        raise UsageError(
            "--follow and --previous cannot be combined",
            hint="leave one of them out: a container that has ended writes nothing new",
        )
    env, where = load(options), screen(options)
    excerpt = Excerpt(since=since, tail=tail, previous=previous)
    with deployer(options, env, "logs", lambda event: where.note(sentence(event))) as made:
        for line in made.cluster.logs(excerpt, pod=pod, follow=follow):
            if not where.log_line(line, named=pod is None, json=options.json):
                return  # whoever reads has seen enough


def events(options: Options) -> None:
    """Print the cluster's events about LiveKit's pods, Ingress and Services, the newest last."""
    shown(
        options,
        "events",
        lambda made: made.cluster.events(),
        lambda events: {"events": [asdict(one) for one in events]},
        lambda screen, events: screen.events(events),
    )
