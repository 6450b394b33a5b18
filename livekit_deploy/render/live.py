"""The live view: a bar for each stage, what is in progress with its usual duration, and finished resources above."""

from __future__ import annotations

import time
from typing import Self

from rich.live import Live
from rich.text import Text

from livekit_deploy.base.clock import Clock
from livekit_deploy.events import Done, Event, LeaseWaiting, Skipped
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.in_progress import InProgress, Row
from livekit_deploy.render.listener import Listener
from livekit_deploy.render.screen import Screen
from livekit_deploy.render.sentences import sentence
from livekit_deploy.render.words import WIDE, about, duration, ordered

_BAR = 16
_MOST = 8
_WORTH_A_LINE = 5.0  # seconds; what is quicker shows in the bar only
_WORTH_SAYING = 30.0


class LiveView(Listener):
    """Draws on the terminal of the screen while the run lasts."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        super().__init__(screen)
        self._underway = InProgress(clock)
        self._waiting, self._waited = "", 0.0
        self._live = Live(get_renderable=self.draw, console=screen.err, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        self._underway.take(event)
        if isinstance(event, LeaseWaiting):
            self._waiting, self._waited = sentence(event), time.monotonic()
        elif isinstance(event, Done):
            if event.elapsed_s >= _WORTH_A_LINE:
                self._screen.note(_done(event, self._screen.err.width))
        elif not isinstance(event, Skipped) and (text := sentence(event)):  # how many were not tried is said at the end
            self._screen.err.print(text, soft_wrap=False)

    def draw(self) -> Text:
        """The picture of this moment, no line of it wider than the terminal."""
        took = duration(self._underway.elapsed())
        stages = self._underway.stages()
        column = max((len(str(total)) for _, total in stages.values()), default=0)
        lines = [_stage(stage, *stages[stage], column) for stage in ordered(set(stages))]
        lines[:1] = [f"{line}   {took}" for line in lines[:1]]
        if self._waiting and time.monotonic() - self._waited < _WORTH_A_LINE:
            lines.append(self._waiting)
        rows = self._underway.rows()
        lines += [_row(row, elapsed, self._screen.err.width) for row, elapsed in rows[:_MOST]]
        if (more := len(rows) - _MOST) > 0:
            lines.append(f"  … and {more} more")
        found = Text.from_markup("\n".join(lines), emoji=False)
        found.no_wrap, found.overflow = True, "ellipsis"
        return found


def _done(event: Done, width: int) -> str:
    line = f"{escape(event.address):<{44 if width < WIDE else 54}} {duration(event.elapsed_s):>6}"
    id = "" if event.address.endswith(event.id) else f"  [dim]{escape(event.id)}[/]"
    room = width - len(f"  ✔ {line}  ")
    return f"  [green]✔[/] {line}{id if len(event.id) <= room else ''}"


def _stage(stage: str, done: int, total: int, column: int) -> str:
    filled = _BAR if not total else _BAR * done // total
    return f"[bold]{escape(stage):<16}[/] [cyan]{'█' * filled}{'░' * (_BAR - filled)}[/]  {done:>{column}}/{total}"


def _row(row: Row, elapsed: float, width: int) -> str:
    column = 28 if width < WIDE else 46
    usual = f" of {about(row.usual)}" if row.usual >= _WORTH_SAYING else ""
    took = f"{duration(elapsed) + usual:<17}"
    name = f"{escape(_fitted(row.address, column)):<{column}} {escape(f'{row.verb:<6}')}"
    return f"  {name} {took} [dim]{escape(row.detail)}[/]"


def _fitted(address: str, column: int) -> str:
    """The address in so many columns: its kind gives way before its name does, as what it waits for must be read."""
    kind, _, name = address.partition("/")
    if len(address) > column:
        address = f"{kind.partition('.')[0]}.…/{name}"
    return address if len(address) <= column else f"{address[: column - 1]}…"
