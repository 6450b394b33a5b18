"""The live view: a bar for each stage, what is under way with how long it usually takes, and what is done above."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.markup import escape
from rich.text import Text

from livekit_deploy.events import Done, Event, Progress, ResourceFailed, RunStarted, Started
from livekit_deploy.render.plans import STAGES
from livekit_deploy.render.progress import sentence
from livekit_deploy.render.words import about, duration

if TYPE_CHECKING:
    from livekit_deploy.render.screen import Screen

_BAR = 16
_MOST = 8
_WORTH_A_LINE = 5.0  # seconds; what is quicker shows in the bar only


class _Under:
    """A resource that is under way."""

    def __init__(self, event: Started) -> None:
        self.address, self.verb, self.usual = event.address, event.verb, event.usual_s
        self.detail, self.elapsed, self.told = "", 0.0, time.monotonic()


class LiveView:
    """Draws on the terminal of the screen while the run lasts."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._lock = screen, threading.Lock()
        self._totals: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._under: dict[str, _Under] = {}
        self._began = time.monotonic()
        self._live = Live(get_renderable=self._draw, console=screen.err, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._totals, self._began = dict(event.stages), time.monotonic()
        elif isinstance(event, Started):
            self._under[event.address] = _Under(event)
        elif isinstance(event, Progress):
            under = self._under.get(event.address)
            if under is not None:
                under.detail, under.elapsed, under.told = event.detail, event.elapsed_s, time.monotonic()
        elif isinstance(event, Done):
            self._finish(event)
        else:
            if isinstance(event, ResourceFailed):
                self._under.pop(event.address, None)
            if text := sentence(event):
                self._screen.err.print(text)

    def _finish(self, event: Done) -> None:
        self._under.pop(event.address, None)
        self._done[event.stage] = self._done.get(event.stage, 0) + 1
        if event.elapsed_s >= _WORTH_A_LINE:
            line = f"  [green]✔[/] {escape(event.address):<44} {duration(event.elapsed_s):>7}"
            self._screen.err.print(line)

    def _draw(self) -> Text:
        with self._lock:
            lines = [
                self._stage(stage)
                for stage in [*STAGES, *sorted(set(self._totals) - set(STAGES))]
                if stage in self._totals
            ]
            slowest = sorted(self._under.values(), key=lambda one: -one.usual)
            lines += [self._row(one) for one in slowest[:_MOST]]
            if (more := len(slowest) - _MOST) > 0:
                lines.append(f"  … and {more} more")
        return Text.from_markup("\n".join(lines))

    def _stage(self, stage: str) -> str:
        done, total = self._done.get(stage, 0), self._totals[stage]
        filled = _BAR if not total else min(round(_BAR * done / total), _BAR)
        bar = "█" * filled + "░" * (_BAR - filled)
        return f"{stage:<16} [cyan]{bar}[/]  {done:>2}/{total}   {duration(time.monotonic() - self._began)}"

    def _row(self, under: _Under) -> str:
        width = max(self._screen.err.width - 64, 16)
        usual = f" of {about(under.usual)}" if under.usual >= 30 else ""
        detail = under.detail if len(under.detail) <= width else under.detail[: width - 1] + "…"
        took = f"{duration(under.elapsed)}{usual}"
        return f"  {escape(under.address[:34]):<34} {under.verb:<7} {took:<17} [dim]{escape(detail)}[/]"
