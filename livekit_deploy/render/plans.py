"""Renders a plan: by stage, attribute by attribute, with a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.cells import cell_len

from livekit_deploy.engine.plan import GONE, Action, FieldDiff, Plan, PlannedChange
from livekit_deploy.render import costs
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.words import SYMBOLS, hanging, ordered, pair, plain, plural, wrapped

_ORIGIN = {"config": "config", "drift": "drift: someone else changed it"}
_WIDEST_HEAD = 100
_WIDEST_PATH = 36
_WIDEST_TEXT = 48
_INDENT = 6
_MOST_ALIKE = 20  # creations or deletions of one kind that are listed one by one


def lines(plan: Plan, width: int | None = None, *, every: bool = False) -> Iterator[str]:
    """The whole plan, in ``width`` columns (None: as wide as it comes); with ``every`` also what creates set."""
    yield from (_header(plan, width), "")
    if plan.changes:
        yield "  " + "   ".join(f"{symbol} {name}" for name, symbol in SYMBOLS.items())
        for stage in ordered({change.stage for change in plan.changes}, backwards=plan.command == "down"):
            yield from ("", f"[bold]{escape(stage)}[/]")
            yield from _grouped([change for change in plan.changes if change.stage == stage], width, every)
        yield ""
        yield from _summary(plan, width)
    else:
        same = "nothing is recorded." if plan.command == "down" else "everything is as configured."
        yield f"No changes: {same}  {_effort(plan)}"
    yield from going_on(plan.unfinished.values(), width)
    yield from warned(plan.warnings, width)
    yield from costs.lines(plan.cost, width)


def drift_lines(plan: Plan, width: int | None = None) -> Iterator[str]:
    """Only what somebody else changed, on a screen of its own."""
    if plan.drift():
        yield from (_header(plan, width), "")
    yield from changed_lines(plan, width)


def changed_lines(plan: Plan, width: int | None = None) -> Iterator[str]:
    """What somebody else changed: of each attribute what was applied, and what it is now."""
    changed = plan.drift()
    if not changed:
        yield f"No drift: everything is as it was applied.  {_effort(plan)}"
    else:
        yield from _somebody_changed(plan, changed, width)
    yield from going_on(plan.unfinished.values(), width)
    yield from warned(plan.warnings, width)


def _somebody_changed(plan: Plan, changed: Sequence[PlannedChange], width: int | None) -> Iterator[str]:
    yield f"[bold]Someone else changed {plural(len(changed), 'resource')}[/]  [dim](as applied → as it is now)[/]"
    for stage in ordered({change.stage for change in changed}):
        yield from ("", f"[bold]{escape(stage)}[/]")
        for change in changed:
            if change.stage == stage:
                yield from _drifted(change, width)
    yield ""
    if any(change.action is Action.BLOCKED for change in changed):
        yield f"[bold]Resolve what is marked {SYMBOLS['blocked']} first:[/] `up` refuses until then.  {_effort(plan)}"
    elif all(change.action is Action.NOOP for change in changed):
        yield f"[bold]`up` leaves it as it is until it is adopted.[/]  {_effort(plan)}"
    else:
        yield f"[bold]`up` corrects it.[/]  {_effort(plan)}"


def going_on(said: Iterable[str], width: int | None = None, indent: str = "") -> Iterator[str]:
    """What continues by itself, a line each."""
    for one in said:
        yield from hanging(f"{indent}Unfinished  ", one, width, "yellow")


def warned(warnings: Mapping[str, tuple[str, str]], width: int | None = None, indent: str = "") -> Iterator[str]:
    """What is wrong with what runs, and what to do about it."""
    lead = f"{indent}Warning     "
    for address, (said, remedy) in warnings.items():
        yield from hanging(lead, f"{address}: {said}", width, "yellow")
        if remedy:
            yield from hanging(f"{' ' * len(lead)}→ ", remedy, width, "bold")


def _drifted(change: PlannedChange, width: int | None) -> Iterator[str]:
    if change.reason == GONE:
        yield f"  {SYMBOLS['delete']} {escape(change.address)}  deleted"
        return
    id = f"  [dim]{escape(change.id)}[/]" if change.id != change.address.partition("/")[2] else ""
    sign = SYMBOLS.get("blocked" if change.unmarked else change.action.value, " ")
    yield f"  {sign} {escape(change.address)}{id}"
    rows = [(diff.path, text) for diff in change.diffs for text in _became(diff)]
    column = min(max((len(path) for path, _ in rows), default=0), _WIDEST_PATH)
    before = ""
    for path, text in rows:
        yield from hanging(f"{' ' * _INDENT}{path if path != before else '':<{column}}  ", text, width)
        before = path
    if change.hint:
        yield from hanging(f"{' ' * _INDENT}→ ", change.hint, width, "bold")


def _became(diff: FieldDiff) -> Iterator[str]:
    """What somebody made of an attribute; of a secret only which version it is."""
    applied, now = diff.after, diff.before
    if diff.secret:
        applied, now = (value.get("version") if isinstance(value, Mapping) else value for value in (applied, now))
    yield from _texts(FieldDiff(diff.path, applied, now, diff.origin))


def _header(plan: Plan, width: int | None) -> str:
    head = plan.header
    where = " · ".join(head[key] for key in ("project", "env", "region") if key in head)
    account = f" · account {escape(head['account'])}" if "account" in head else ""
    facts = [f"lease: {head['lease']}"] if "lease" in head else []
    facts.append(f"state #{plan.serial}" if plan.lineage else "no state yet")
    right = " · ".join(facts)
    gap = 3
    if width is not None:
        room = min(width, _WIDEST_HEAD) - cell_len(where + account) - cell_len(right)
        if room < 2:
            return f"[bold]{escape(where)}[/]{account}\n{escape(right)}"
        gap = room
    return f"[bold]{escape(where)}[/]{account}{' ' * gap}{escape(right)}"


def _grouped(changes: Sequence[PlannedChange], width: int | None, every: bool) -> Iterator[str]:
    """Every change, a hint only once; of very many of a kind that merely come or go the first, unless ``every``."""
    seen: Counter[tuple[Action, str]] = Counter()
    hints: set[str] = set()
    for change in changes:
        group = (change.action, change.address.partition("/")[0])
        seen[group] += 1
        if every or change.action not in (Action.CREATE, Action.DELETE) or seen[group] <= _MOST_ALIKE:
            yield from _change(change, width, every)
            if change.hint and change.hint not in hints:
                hints.add(change.hint)
                yield from hanging(f"{' ' * _INDENT}→ ", change.hint, width, "bold")
    for (action, kind), count in seen.items():
        if not every and action in (Action.CREATE, Action.DELETE) and count > _MOST_ALIKE:
            more = f"… and {count - _MOST_ALIKE} more {kind} (-v shows all)"
            yield f"  {SYMBOLS[action.value]} [dim]{escape(more)}[/]"


def _change(change: PlannedChange, width: int | None, every: bool) -> Iterator[str]:
    said = " ".join(filter(None, (_doomed(change), f"({change.reason})" if change.reason else "")))
    room = None if width is None else width - _INDENT
    if said and room is not None and cell_len(change.address + said) > room:
        yield f"  {SYMBOLS[change.action.value]} {escape(change.address)}"
        yield from hanging(" " * _INDENT, said, width, "dim")
    else:
        shown = f"  [dim]{escape(said)}[/]" if said else ""
        yield f"  {SYMBOLS[change.action.value]} {escape(change.address)}{shown}"
    if change.action is Action.CREATE and every:
        yield from _sets(change, width)
    elif change.action not in (Action.CREATE, Action.DELETE):
        yield from _diffs(change, width)


def _doomed(change: PlannedChange) -> str:
    """The id of what is deleted: whoever reads the plan sees which object it is."""
    goes = change.action is Action.DELETE or change.remakes
    told = change.address == change.id or change.address.endswith((f"@{change.id}", f"/{change.id}"))
    return change.id if goes and not told else ""


def _sets(change: PlannedChange, width: int | None) -> Iterator[str]:
    """What a create sets, for those who want to see all."""
    column = min(max((len(diff.path) for diff in change.diffs), default=0), _WIDEST_PATH)
    for diff in change.diffs:
        text = "(from Secrets Manager)" if diff.secret else plain(diff.after)
        yield from hanging(f"{' ' * _INDENT}{diff.path:<{column}}  ", text, width)


def _diffs(change: PlannedChange, width: int | None) -> Iterator[str]:
    rows = [
        (diff.path, text, escape(_ORIGIN.get(diff.origin, diff.origin)))
        for diff in change.diffs
        for text in _texts(diff)
    ]
    path = min(max((len(row[0]) for row in rows), default=0), _WIDEST_PATH)
    text = min(max((cell_len(row[1]) for row in rows), default=0), _WIDEST_TEXT)
    before = ""
    for name, said, origin in rows:
        lead = f"{' ' * _INDENT}{name if name != before else '':<{path}}  "
        before = name
        yield from _row(lead, said, origin, text, width)


def _row(lead: str, said: str, origin: str, column: int, width: int | None) -> Iterator[str]:
    padded = said + " " * max(column - cell_len(said), 0)
    if width is None or cell_len(lead + padded) + len(origin) + 4 <= width:
        yield f"{escape(lead)}{escape(padded)}  [dim]({origin})[/]"
        return
    for number, line in enumerate([*wrapped(said, width - len(lead)), None]):
        margin = escape(lead) if number == 0 else " " * len(lead)
        yield f"{margin}[dim]({origin})[/]" if line is None else f"{margin}{escape(line)}"


def _texts(diff: FieldDiff) -> Iterator[str]:
    """What is said of one attribute: of a list what comes and goes, of anything else before and after."""
    if diff.secret:
        yield "a new version of the secret"
        return
    before, after = diff.before, diff.after
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        gone = [f"- {plain(item)}" for item in before if item not in after]
        come = [f"+ {plain(item)}" for item in after if item not in before]
        if gone or come:
            yield from (*gone, *come)
            return
    yield pair(before, after)


def _summary(plan: Plan, width: int | None) -> Iterator[str]:
    create, update = plan.count(Action.CREATE, Action.RESUME), plan.count(Action.UPDATE)
    text = f"Plan: {create} to create, {update} to update, {plan.removals} to delete"
    if blocked := plan.count(Action.BLOCKED):
        text += f", [bold red]{blocked} blocked[/]"
    time = f"  About {_minutes(plan.critical_s)}." if plan.critical_s else ""
    if width is not None and cell_len(text + time + _effort(plan)) - len("[dim][/]") + 3 > width:
        yield f"[bold]{text}.[/]{time}"
        yield _effort(plan)
    else:
        yield f"[bold]{text}.[/]{time}  {_effort(plan)}"


def _minutes(seconds: float) -> str:
    return f"{round(seconds / 60)} min" if seconds >= 90 else f"{max(round(seconds), 1)} s"


def _effort(plan: Plan) -> str:
    return f"[dim]{plural(plan.calls, 'call')} to AWS in {plan.seconds:.1f} s.[/]"
