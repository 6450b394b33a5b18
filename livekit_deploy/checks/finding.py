"""A finding is the result of one check of `verify` or `prerequisites`; runs the checks of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from livekit_deploy.errors import DeployError

T = TypeVar("T")


class Verdict(StrEnum):
    """How a check ended; UNFINISHED holds as far as it can yet, and continues by itself; of a WARNING what is looked at
    serves, and something is wrong with it; SKIPPED is not looked at, because something that it builds on failed."""

    OK = "ok"
    UNFINISHED = "unfinished"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """``seen`` is what there is; of what does not simply hold, ``cause`` is why, and ``remedy`` what to do."""

    check: str
    verdict: Verdict
    seen: str
    cause: str = ""
    remedy: str = ""


class Trouble(Exception):
    """Raised by a check that fails; becomes its `Finding`."""

    verdict = Verdict.FAILED

    def __init__(self, seen: str, *, cause: str = "", remedy: str = "") -> None:
        super().__init__(seen)
        self.seen, self.cause, self.remedy = seen, cause, remedy


class Unfinished(Trouble):
    """Raised by a check of something that has still to end by itself."""

    verdict = Verdict.UNFINISHED


class Warned(Trouble):
    """Raised by a check of something that serves, and with which something is wrong."""

    verdict = Verdict.WARNING


@dataclass(frozen=True)
class Check(Generic[T]):
    """``run`` gives what it saw or raises `Trouble`; ``needs`` are the checks that it builds on."""

    name: str
    run: Callable[[T], str]
    needs: tuple[str, ...] = ()

    def find(self, look: T) -> Finding:
        """Run it; an error of ours is a failure with its hint as remedy.

        So is anything else that it raises: what one check cannot understand must not end the others.
        """
        try:
            return Finding(self.name, Verdict.OK, self.run(look))
        except Trouble as trouble:
            return Finding(self.name, trouble.verdict, trouble.seen, trouble.cause, trouble.remedy)
        except DeployError as error:
            return Finding(self.name, Verdict.FAILED, error.message, remedy=error.hint)
        except Exception as error:  # noqa: BLE001
            said = f"{type(error).__name__}: {error}"
            return Finding(
                self.name,
                Verdict.FAILED,
                f"this check failed to run: {said}",
                cause="an answer did not have the form that this check expects",
                remedy="run it again with -vv, which logs each call; if it fails again, report it with that log",
            )

    def skipped(self, because: str) -> Finding:
        """It is not run."""
        return Finding(self.name, Verdict.SKIPPED, f"skipped: it needs the check {because} to succeed")


def failed(findings: Iterable[Finding]) -> list[Finding]:
    """Those that failed."""
    return [one for one in findings if one.verdict is Verdict.FAILED]


def unfinished(findings: Iterable[Finding]) -> list[Finding]:
    """Those that have still to end by themselves."""
    return [one for one in findings if one.verdict is Verdict.UNFINISHED]
