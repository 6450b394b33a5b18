"""Signals that end a command: Ctrl-C, SIGTERM, and the hang-up of a terminal. Imports nothing of ours.

Until something is in progress the process ends at once. While a Deployer is at work the command is unwound, and a run
is ended in order: each of the two says so with `handled`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], object]


def from_now_on() -> None:
    """End at once on each of them, with the exit code of what was interrupted."""
    for number in _listened_to():
        signal.signal(number, _end)


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """``handler`` takes them in between."""
    before = {number: signal.signal(number, handler) for number in _listened_to()}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def unwind(number: int, frame: FrameType | None) -> None:
    """End the command where it stands; what it holds is given back."""
    raise KeyboardInterrupt


def _listened_to() -> list[signal.Signals]:
    """All but the hang-up that `nohup` asked to live through. What a script starts with & inherits SIGINT ignored."""
    return [one for one in _NUMBERS if one is not signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN]


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
