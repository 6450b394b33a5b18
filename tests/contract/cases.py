"""Every kind of AWS's: how one of it is made, another value for each input, and what others may do to it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.contract.kinds import account, eks, elasticache, front, network
from tests.contract.kinds.case import Case

CASES: list[Case] = [
    *network.CASES,
    *account.CASES,
    *eks.CASES,
    *elasticache.CASES,
    *front.CASES,
]


def tried() -> Iterator[tuple[Case, str]]:
    """Every case with every input that it changes."""
    for case in CASES:
        for name in case.changes:
            yield case, name
