"""A plan as lines of a terminal: by stage, attribute by attribute, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape

from livekit_deploy.engine.plan import Action, Change, FieldDiff, Plan
from livekit_deploy.render.words import SYMBOLS, about, plural, value

STAGES = ("infrastructure", "load-balancer", "livekit")
_ORIGIN = {"config": "config", "drift": "drift: someone else changed it"}


def lines(plan: Plan) -> Iterator[str]:
    """The whole plan."""
    yield _header(plan)
    if not plan.changes:
        yield ""
        yield f"No changes: everything is as the file says. {_cost(plan)}"
        return
    yield ""
    yield "  " + "   ".join(f"{SYMBOLS[name]} {name}" for name in _present(plan))
    yield from _by_stage(plan.changes)
    yield ""
    yield _summary(plan)


def drift_lines(plan: Plan) -> Iterator[str]:
    """Only what somebody else changed."""
    changed = plan.drift()
    if not changed:
        yield f"No drift: what runs is what was applied. {_cost(plan)}"
        return
    yield _header(plan)
    yield from _by_stage(changed)
    yield ""
    yield f"Drift in {plural(len(changed), 'resource')}: `up` puts it right."


def _header(plan: Plan) -> str:
    head = plan.header
    where = " · ".join(str(head[key]) for key in ("project", "env", "region") if key in head)
    account = f" · account {head['account']}" if "account" in head else ""
    state = f"state #{plan.serial}" if plan.lineage else "no state yet"
    return f"[bold]{escape(where)}[/]{account} · {state}"


def _present(plan: Plan) -> list[str]:
    there = {change.action.value for change in plan.changes}
    return [name for name in SYMBOLS if name in there]


def _by_stage(changes: tuple[Change, ...]) -> Iterator[str]:
    names = [*STAGES, *sorted({change.stage for change in changes} - set(STAGES))]
    for stage in names:
        here = [change for change in changes if change.stage == stage]
        if here:
            yield ""
            yield f"[bold]{stage}[/]"
        for change in here:
            yield from _change(change)


def _change(change: Change) -> Iterator[str]:
    reason = f"  [dim]({escape(change.reason)})[/]" if change.reason else ""
    yield f"  {SYMBOLS[change.action.value]} {escape(change.address)}{reason}"
    if change.action not in (Action.CREATE, Action.DELETE):
        width = min(max((len(diff.path) for diff in change.diffs), default=0), 36)
        for diff in change.diffs:
            yield _diff(diff, width)
    if change.hint:
        yield f"      [bold]→[/] {escape(change.hint)}"


def _diff(diff: FieldDiff, width: int) -> str:
    if diff.secret:
        return f"      {diff.path:<{width}}  [dim]a new version of a secret[/]"
    before, after = value(diff.before), value(diff.after)
    return f"      {escape(diff.path):<{width}}  {before} → {after}  [dim]({_ORIGIN[diff.origin]})[/]"


def _summary(plan: Plan) -> str:
    create, update = plan.count(Action.CREATE, Action.RESUME), plan.count(Action.UPDATE)
    text = f"Plan: {create} to create, {update} to update, {plan.count(Action.DELETE)} to delete"
    if blocked := plan.count(Action.BLOCKED):
        text += f", [bold red]{blocked} blocked[/]"
    time = f"  {about(plan.critical_s).capitalize()}." if plan.critical_s else ""
    return f"[bold]{text}.[/]{time}  {_cost(plan)}"


def _cost(plan: Plan) -> str:
    return f"[dim]{plural(plan.calls, 'call')} to AWS in {plan.seconds:.1f} s.[/]"
