"""Renders earlier states, and what a repair would write instead of the present one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from livekit_deploy.operations.state_repair import Proposal
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.words import SYMBOLS, pair, plural
from livekit_deploy.state.history import Past

_MOST = 12  # addresses of a list that are shown unless all are asked for


def history_lines(past: Iterable[Past], width: int | None = None) -> Iterator[str]:
    """A line each, two in a narrow ``width``: what `restore --version` takes, when, which serial, how much, who."""
    rows = list(past)
    if not rows:
        yield "there are no earlier versions"
        return
    column = max(len("version"), *(len(row.id) for row in rows))
    tail = max((len(f"  {_count(row):<22}  {row.who}") for row in rows), default=0)
    start = f"{'version':<{column}}  {'written':<20}  {'serial':>6}"
    narrow = width is not None and len(start) + tail > width
    yield f"[bold]{start}[/]" if narrow else f"[bold]{start}  {'records':<22}  by[/]"
    for row in rows:
        lead = f"{escape(row.id):<{column}}  {escape(f'{row.written:<20}')}"
        if row.damage:
            yield f"{lead}  [red]damaged[/] {escape(row.damage)}"
            continue
        lead += f"  {f'#{row.serial}':>6}"
        if narrow:
            yield from (lead, f"    [dim]{plural(row.records, 'record')}{_unfinished(row)} by {escape(row.who)}[/]")
        else:
            yield f"{lead}  {_count(row):<22}  {escape(row.who)}"


def _count(row: Past) -> str:
    return f"{row.records}{_unfinished(row)}"


def _unfinished(row: Past) -> str:
    return f", {row.unfinished} unfinished" if row.unfinished else ""


def proposal_lines(proposal: Proposal, *, every: bool) -> Iterator[str]:
    """What is there, and what it becomes."""
    now, after = proposal.now, proposal.state
    if now.state is not None:
        yield f"now: state #{now.state.serial} with {plural(len(now.state.records), 'record')}"
    else:
        yield f"now: {escape(now.damage.message) if now.damage else 'there is no state document'}"
    yield f"then: {plural(len(after.records), 'record')}, lineage {escape(after.lineage)}"
    for symbol, addresses in (("create", proposal.added), ("update", proposal.changed), ("delete", proposal.dropped)):
        for address in _shown(addresses, every):
            yield f"  {SYMBOLS[symbol]} {escape(address)}"
    for what, addresses, then in (
        ("configured, but missing", proposal.absent, "up will make"),
        ("exists, but without our tags", proposal.unmarked, "up takes over only with --adopt ADDRESS"),
        ("exists, but not configured", proposal.surplus, "up will delete"),
    ):
        if addresses:
            yield f"{what}: {plural(len(addresses), 'resource')} that {then}"
            yield from (f"    {escape(address)}" for address in _shown(addresses, every))
        if addresses and addresses is proposal.absent:
            yield "    one that has lost its tags is not found: livekit-deploy state import ADDRESS ID --adopt ADDRESS"
    if proposal.elsewhere:
        yield f"[yellow]{escape(proposal.elsewhere)}[/]"
    if proposal.diffs:
        yield "the next plan will change:"
        yield from (f"    {escape(diff.path)}  {escape(pair(diff.before, diff.after))}" for diff in proposal.diffs)


def _shown(addresses: tuple[str, ...], every: bool) -> Iterator[str]:
    shown = addresses if every or len(addresses) <= _MOST else addresses[: _MOST - 1]
    yield from shown
    if more := len(addresses) - len(shown):
        yield f"and {more} more (-v shows all)"
