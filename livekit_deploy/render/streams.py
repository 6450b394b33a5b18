"""stdout and stderr that survive a closed pipe, a full disk and a lost terminal, and write symbols in any encoding.

It is set up before anything else is imported, so it imports nothing of ours.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

#: what stands for a sign where the encoding of the output lacks it; of what is not here its number is written
SIGNS = {
    "\N{HEAVY CHECK MARK}": "*",
    "\N{HEAVY MULTIPLICATION X}": "x",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{MIDDLE DOT}": "-",
    "\N{FULL BLOCK}": "#",
    "\N{LIGHT SHADE}": ".",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{NO-BREAK SPACE}": " ",
    "\N{BLACK RIGHT-POINTING TRIANGLE}": ">",
    "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-",
    "\N{BOX DRAWINGS LIGHT VERTICAL}": "|",
    "\N{BOX DRAWINGS LIGHT VERTICAL AND RIGHT}": "|",
    "\N{BOX DRAWINGS LIGHT UP AND RIGHT}": "`",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
}
_POLICY = "livekit-deploy-signs"
#: whoever read has gone: nothing is lost that somebody waits for
_LEFT = {errno.EPIPE, errno.EIO}


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(SIGNS.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in lacking), error.end


class Lasting:
    """A text stream of which no write fails: from the first failure on, which it keeps, nothing is written any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError) as error:
            self._give_up(error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def _give_up(self, error: OSError | ValueError) -> None:
        """Let all that follows, and what is still held back, go nowhere."""
        if self.failure is None:
            self.failure = error if isinstance(error, OSError) else OSError(errno.EBADF, str(error))
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def set_up() -> None:
    """Make the streams of this process last; one that was closed before it began goes nowhere."""
    codecs.register_error(_POLICY, _in_ascii)
    for number in range(3):  # or the next file or connection would get the number, and what is said
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = _lasting(sys.stdout, 1), _lasting(sys.stderr, 2)


def _lasting(stream: TextIO | None, number: int) -> TextIO:
    found = stream or os.fdopen(number, "w", encoding="utf-8", closefd=False)
    if hasattr(found, "reconfigure"):
        found.reconfigure(errors=_POLICY)
    return cast("TextIO", Lasting(found))


def lost() -> OSError | None:
    """Why results did not reach who waits for them, None where they did, or where nobody reads any more."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    failure = getattr(sys.stdout, "failure", None)
    return failure if isinstance(failure, OSError) and failure.errno not in _LEFT else None
