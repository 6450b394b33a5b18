"""A rule of the tables of causes: from AWS's code and message to the likely cause and its remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """``likely`` is a cause in words, "" when only the remedy is known; ``remedy`` is the next thing to do."""

    likely: str
    remedy: str


@dataclass(frozen=True)
class Rule:
    """``codes`` and ``words`` are regular expressions: of the whole code, and of a part of the message.

    ``example`` is a message of AWS's that the rule is for, and no rule before it.
    """

    codes: str
    cause: Cause
    words: str = ""
    example: str = ""

    def fits(self, code: str, message: str) -> bool:
        return bool(re.fullmatch(self.codes, code)) and bool(re.search(self.words, message, re.IGNORECASE))


def rule(codes: str, likely: str, remedy: str, words: str = "", example: str = "") -> Rule:
    return Rule(codes, Cause(likely, remedy), words, example)
