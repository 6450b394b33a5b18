"""What one check found: the answer of `verify` and of `prerequisites`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended; SKIPPED is not looked at, because something that it builds on failed."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """``seen`` is what there is; of what failed, ``cause`` is why that usually is, and ``remedy`` what to do."""

    check: str
    verdict: Verdict
    seen: str
    cause: str = ""
    remedy: str = ""


class Trouble(Exception):
    """Raised by a check that fails; becomes its `Finding`."""

    def __init__(self, seen: str, *, cause: str = "", remedy: str = "") -> None:
        super().__init__(seen)
        self.seen, self.cause, self.remedy = seen, cause, remedy


def failed(findings: Iterable[Finding]) -> list[Finding]:
    """Those that failed."""
    return [one for one in findings if one.verdict is Verdict.FAILED]
