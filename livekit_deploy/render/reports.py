"""How a run ended and how an environment stands, as lines of a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.markup import escape

from livekit_deploy.engine.stages import STAGES
from livekit_deploy.prices import AS_OF
from livekit_deploy.render.words import duration, ordered, plural

if TYPE_CHECKING:
    from livekit_deploy.config import Environment
    from livekit_deploy.report import Report, StatusReport
    from livekit_deploy.state.document import Holder

_PROGRAM = "python -m livekit_deploy"


def _counts(report: Report) -> str:
    parts = [(report.created, "created"), (report.updated, "updated"), (report.deleted, "deleted")]
    told = ", ".join(f"{len(items)} {word}" for items, word in parts if items)
    return told or "nothing to do"


def up_lines(report: Report, env: Environment, stage: str) -> Iterator[str]:
    """Where LiveKit answers, and what to do next; ``stage`` is the only one that was applied, "" for all."""
    summary = f"{report.command}: {_counts(report)} in {duration(report.seconds)}"
    if not report.findings:
        yield f"[bold green]✔[/] {summary}"
        if stage:
            following = [*STAGES, "verify"][STAGES.index(stage) + 1]
            yield f"  Next        {_PROGRAM} up --env {env.name} --step {following}"
        return
    yield f"{answers(env)}        {summary}"
    if secret := report.outputs.get("secret.api-keys"):
        yield f"  API key     secretsmanager:{escape(str(secret))}   ({_PROGRAM} outputs --env {env.name} --json)"
    yield f"  Next        {_PROGRAM} verify --env {env.name}"


def answers(env: Environment) -> str:
    """The line that is said only when everything was read back."""
    return f"[bold green]LiveKit answers at wss://{escape(env.livekit.domain)}[/]"


def down_lines(report: Report) -> Iterator[str]:
    """The proof."""
    yield f"down: {_counts(report)} in {duration(report.seconds)}"
    if report.vanishing:
        yield "  vanishing by itself, at no cost:"
        for what, when in report.vanishing:
            yield f"    {escape(what)}  {escape(when)}"
    if not report.leftovers:
        yield "[bold green]leftovers: 0[/]"
        return
    yield f"[bold red]leftovers: {len(report.leftovers)}[/]"
    for one in report.leftovers:
        yield f"    {escape(str(one))}  {_cost(one.usd_month)}"
    total = sum(one.usd_month or 0 for one in report.leftovers)
    yield f"  about ${total:.2f} a month ({AS_OF})"


def _cost(usd: float | None) -> str:
    return "by use" if usd is None else f"${usd:.2f} a month" if usd else "free"


def status_lines(report: StatusReport) -> Iterator[str]:
    """One screen."""
    head = report.header
    where = " · ".join(str(head[key]) for key in ("project", "env", "region") if key in head)
    yield f"[bold]{escape(where)}[/] · account {head.get('account', '?')} · state #{report.serial}"
    yield holder_line(report.holder, report.lease_remaining) if report.holder else "lease: free"
    if report.lineage is None:
        yield "nothing is here yet"
        return
    yield ""
    for stage in ordered(set(report.stages)):
        ready, total = report.stages[stage]
        mark = "[green]✔[/]" if ready == total else "[yellow]…[/]"
        yield f"  {mark} {stage:<16} {ready}/{total}"
    if not report.stages:
        yield "  nothing is recorded"
    if report.pending:
        yield ""
        yield f"unfinished ({plural(len(report.pending), 'resource')}): run up again to go on"
        for address in report.pending[:8]:
            yield f"    {escape(address)}"
    if report.outputs:
        yield ""
    for name in ("livekit.url", "cluster.name", "cluster.endpoint", "redis.address", "load_balancer.signal"):
        if value := report.outputs.get(name):
            yield f"  {name:<22} {escape(str(value))}"


def holder_line(holder: Holder, remaining: float) -> str:
    """Who holds the lease, since when, and how long it lasts unless renewed."""
    who = f"{holder.user}@{holder.host} (process {holder.pid}, {holder.command})"
    url = f", {holder.ci_url}" if holder.ci_url else ""
    return (
        f"lease: held by {escape(who)}{url} since {holder.since}, ends in {duration(max(remaining, 0))} unless renewed"
    )
