"""Renders the report of a run and the status of an environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.text import Text

from livekit_deploy.config import Environment
from livekit_deploy.engine.stages import STAGES
from livekit_deploy.operations.report import Report, StatusReport
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.plans import going_on, warned
from livekit_deploy.render.words import duration, hanging, ordered, plural, whole
from livekit_deploy.state.document import Holder, Phase

_MOST = 8


def _counts(report: Report) -> str:
    parts = [(report.created, "created"), (report.updated, "updated"), (report.deleted, "deleted")]
    told = ", ".join(f"{len(set(items))} {word}" for items, word in parts if items)
    return told or "nothing to do"


def up_lines(
    report: Report, env: Environment, stage: str, width: int | None = None, spelled: Callable[[str], str] = str
) -> Iterator[str]:
    """Where LiveKit answers, and what to do next; ``stage`` is the only one that was applied, "" for all.

    ``spelled`` puts the commands as they must be typed here.
    """
    summary = f"{report.command}: {_counts(report)} in {duration(report.seconds)}"
    if not report.findings:
        yield f"[bold green]✔[/] {summary}"
        yield from warned(report.warnings, width, "  ")
        if not stage:
            yield from unfinished_lines(report, env, width, spelled)
            return
        yield from going_on(report.in_progress, width, "  ")
        following = [*STAGES, "verify"][STAGES.index(stage) + 1]
        yield f"  Next        {escape(spelled(f'livekit-deploy up --env {env.name}'))} --step {following}"
        return
    yield from _beside(answers(env), summary, 8, width)
    if secret := report.outputs.get("secret.api-keys"):
        lead = "  API key     "
        told = f"{lead}secretsmanager:{escape(str(secret))}"
        command = spelled(f"livekit-deploy outputs --env {env.name}")
        yield from _beside(told, escape(f"({command} --json)"), 3, width, under=len(lead))
    yield from warned(report.warnings, width, "  ")
    if report.in_progress:
        yield from unfinished_lines(report, env, width, spelled)
        return
    yield f"  Next        {escape(spelled(f'livekit-deploy verify --env {env.name}'))}"


def unfinished_lines(
    report: Report, env: Environment, width: int | None, spelled: Callable[[str], str] = str
) -> Iterator[str]:
    """What continues by itself after the run and is not proven before it ends, and what looks at it then."""
    yield from going_on(report.in_progress, width, "  ")
    if report.in_progress:
        yield f"  Next        {escape(spelled(f'livekit-deploy verify --env {env.name}'))} --watch --timeout 6h"


def _beside(first: str, second: str, gap: int, width: int | None, under: int = 2) -> Iterator[str]:
    """Two texts, the first in markup: on one line where there is room, else the second below, indented by ``under``."""
    if width is None or Text.from_markup(first, emoji=False).cell_len + gap + len(second) <= width:
        yield f"{first}{' ' * gap}{second}"
    else:
        yield from (first, f"{' ' * under}{second}")


def answers(env: Environment) -> str:
    """The line that is said only when everything was read back."""
    return f"[bold green]LiveKit answers at wss://{escape(env.livekit.domain)}[/]"


def down_lines(report: Report) -> Iterator[str]:
    """The proof."""
    yield f"down: {_counts(report)} in {duration(report.seconds)}"
    for one in report.stays:
        if not one.recorded:
            yield f"  stays: {escape(one.address)} {escape(one.id)}: {escape(one.why)}"
    if report.vanishing:
        yield "  scheduled for deletion (free):"
        for what, when in report.vanishing:
            yield f"    {escape(what)}  {escape(when)}"
    if report.leftovers:
        yield from left_lines(report)
    elif report.unseen:
        yield "[bold yellow]leftovers: 0 of what can be listed[/]"
    else:
        yield "[bold green]leftovers: 0[/]"
    for what, why in report.unseen.items():
        yield f"  not listed: {escape(what)}: {escape(why)}"


def left_lines(report: Report) -> Iterator[str]:
    """What `down` did not delete, with what each costs."""
    yield f"[bold red]leftovers: {len(report.leftovers)}[/]"
    for one in report.leftovers:
        yield f"    {escape(str(one))}  {_cost(one.usd_month)}"
    total = sum(one.usd_month or 0 for one in report.leftovers)
    yield f"  about ${total:.2f} a month (list prices of {report.prices_as_of})"


def _cost(usd: float | None) -> str:
    return "no price known" if usd is None else f"${usd:.2f} a month" if usd else "free"


def status_lines(report: StatusReport, width: int | None = None, spelled: Callable[[str], str] = str) -> Iterator[str]:
    """One screen; ``spelled`` puts the commands as they must be typed here."""
    leaving = any(one.phase == Phase.DELETING for one in report.records)
    again = f"livekit-deploy {'down' if leaving else 'up'} --env {report.header.get('env', 'NAME')}"
    head = report.header
    where = " · ".join(str(head[key]) for key in ("project", "env", "region") if key in head)
    state = f"state #{report.serial}" if report.lineage else "no state yet"
    yield f"[bold]{escape(where)}[/] · account {escape(str(head.get('account', '?')))} · {state}"
    yield holder_line(report.holder, report.lease_remaining) if report.holder else "lease: free"
    yield ""
    if not report.stages:
        yield "not deployed yet"
        yield f"  Next        {escape(spelled(again))}"
        return
    missing = False
    column = max((len(f"{total}") for _, total in report.stages.values()), default=0)
    for stage in ordered(set(report.stages)):
        ready, total = report.stages[stage]
        missing |= ready < total
        mark = "[green]✔[/]" if ready == total else "[yellow]…[/]"
        yield f"  {mark} {escape(f'{stage:<16}')} {ready:>{column}}/{total}"
    if report.pending or missing:
        yield ""
        yield from _unfinished(report.pending)
        yield f"  Next        {escape(spelled(again))}"
    for one in report.records:
        if one.warning:
            yield from hanging("  Warning     ", f"{one.address}: {one.warning} (when up looked last)", width, "yellow")
    if report.outputs:
        yield ""
    for name in ("livekit.url", "cluster.name", "cluster.endpoint", "redis.address", "load_balancer.signal"):
        if value := report.outputs.get(name):
            yield from whole(f"  {name:<22} ", str(value), width)


def _unfinished(pending: list[str]) -> Iterator[str]:
    """What a run left in the middle, as far as it fits one screen."""
    if pending:
        yield f"unfinished: {plural(len(pending), 'resource')}"
    for address in pending[:_MOST]:
        yield f"    {escape(address)}"
    if (more := len(pending) - _MOST) > 0:
        yield f"    and {more} more"


def holder_line(holder: Holder, remaining: float) -> str:
    """Who holds the lease, since when, and how long it lasts unless renewed."""
    url = f", {holder.ci_url}" if holder.ci_url else ""
    who = f"{holder.user}@{holder.host} (process {holder.pid}, {holder.command}){url} since {holder.since}"
    return f"lease: held by {escape(who)}, ends in {duration(max(remaining, 0))} unless renewed"
