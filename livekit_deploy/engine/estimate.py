"""The cost part of a plan as data: dollars a month now and afterwards, line by line, and what has no price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Line:
    """What one address costs: ``what`` is what is counted, such as ``2 c6i.2xlarge, 100 GiB gp3``."""

    address: str
    what: str
    usd_month_now: float
    usd_month: float


@dataclass(frozen=True)
class Unpriced:
    """Something that is paid for and whose price is not known; no sum counts it. ``address`` "" means all."""

    address: str
    what: str

    def __str__(self) -> str:
        return f"{self.what} ({self.address})" if self.address else self.what


@dataclass(frozen=True)
class Guard:
    """What ``guard.max_monthly_cost`` says to a plan, and in ``text`` why it is refused, or why nobody can tell: what
    has no price is not in the sum, so that a plan that is "unheld" may be above the limit."""

    max_monthly_cost: int
    verdict: Literal["allowed", "refused", "unheld"]
    text: str = ""


@dataclass(frozen=True)
class Estimate:
    """By list prices in ``region``: what is recorded now, and what will be with the plan.

    ``as_of`` is the month of the price table, "" where no price is from it. ``asked`` names what AWS was asked for on
    ``asked_on`` and told; ``not_told`` is why it did not tell the rest, "" where it was not asked or has no price.
    ``usd_participant_hour`` is what traffic out costs besides for an hour in which somebody sees one 720p picture and
    hears one voice, None where that is not known. ``guard`` is None where the file sets no limit, and for `down`.
    """

    region: str
    as_of: str
    usd_month_now: float
    usd_month: float
    lines: tuple[Line, ...] = ()
    unpriced: tuple[Unpriced, ...] = ()
    asked: tuple[str, ...] = ()
    asked_on: str = ""
    not_told: str = ""
    usd_participant_hour: float | None = None
    guard: Guard | None = None

    @property
    def usd_change(self) -> float:
        """How much more it will be a month; less than 0 where the plan saves."""
        return round(self.usd_month - self.usd_month_now, 2)

    @property
    def sources(self) -> str:
        """Where the prices are from, in words."""
        if not self.asked:
            return f"list prices of {self.as_of}, {self.region}"
        if not self.as_of:
            return f"list prices asked of AWS on {self.asked_on}, {self.region}"
        return f"list prices of {self.as_of}, {self.region}; asked of AWS on {self.asked_on}: {', '.join(self.asked)}"


def dollars(usd: float) -> str:
    """``$1,204``; below ten dollars with the cents."""
    return f"${usd:,.0f}" if abs(usd) >= 10 or usd == 0 else f"${usd:.2f}"
