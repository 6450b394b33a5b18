"""Writes commands so that they can be pasted: with this program's name, environment, options and sandbox.

The library names commands as `livekit-deploy up --env uat`. Copied from a rehearsal that would run on real AWS, and
copied from a run with a profile, a file or an override it would look at something else.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from livekit_deploy.checks.finding import Finding
from livekit_deploy.cli.commands import COMMANDS, of_environment
from livekit_deploy.errors import DeployError, Incomplete, VerifyFailed

PROGRAM = "livekit-deploy"


def _named(*, here: bool) -> str:
    return "|".join(re.escape(one.name) for one in COMMANDS.values() if one.code and of_environment(one.name) == here)


_HERE, _ELSEWHERE = _named(here=True), _named(here=False)
_NAMED = re.compile(rf"\b{PROGRAM} (?:(?P<command>{_HERE})\b(?P<env> --env [^\s:,;]+)?|(?={_ELSEWHERE}))")


@dataclass(frozen=True)
class Spelling:
    """``program`` is how it was started, ``where`` the options that say which environment, and where it is."""

    program: str
    where: str = ""

    def __call__(self, text: str) -> str:
        """The text with its commands as they must be typed."""
        return _NAMED.sub(self._typed, text)

    def _typed(self, found: re.Match[str]) -> str:
        command = found["command"]
        return f"{self.program} {command}{self.where or found['env'] or ''}" if command else f"{self.program} "

    def correct(self, error: DeployError) -> None:
        """The same for all that an error says."""
        error.message, error.hint, error.likely = self(error.message), self(error.hint), self(error.likely)
        if isinstance(error, VerifyFailed):
            error.findings = tuple(self.findings([one for one in error.findings if isinstance(one, Finding)]))
        failed = getattr(error.report, "failed", {}) if isinstance(error, Incomplete) else {}
        for one in failed.values():
            self.correct(one)

    def findings(self, found: Sequence[Finding]) -> list[Finding]:
        """The same for what checks found."""
        return [replace(one, cause=self(one.cause), remedy=self(one.remedy)) for one in found]


def program() -> str:
    """How this program was started."""
    as_module = Path(sys.argv[0]).parts[-2:] == ("livekit_deploy", "__main__.py")
    return "python -m livekit_deploy" if as_module else PROGRAM
