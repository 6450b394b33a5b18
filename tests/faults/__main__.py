"""Prints the matrix: every fault against every kind, and why a cell is empty. ``python -m tests.faults [KIND…]``."""

from __future__ import annotations

import sys
from collections import Counter

import livekit_deploy.stack  # noqa: F401  (imports every kind)
from livekit_deploy.errors import DeployError
from tests.faults.matrix import NOTHING, Column, columns
from tests.faults.rows import NO_COLUMN, ROWS, TRIED, Row


def main(kinds: list[str]) -> int:
    """The table as Markdown, a line per kind; the exit code is 1 when a cell failed."""
    cases = [case for case in TRIED if not kinds or case.kind.kind in kinds]
    counts = Counter[str]()
    print("✔ converged under it · ↻ an error, then converged · – nothing to try\n")
    for number, row in enumerate(ROWS, 1):
        print(f"{number:>2}  {row.name}")
    print(f"\n| kind | {' | '.join(str(number) for number in range(1, len(ROWS) + 1))} |")
    print(f"|---|{'---|' * len(ROWS)}")
    reasons: dict[str, set[int]] = {}
    for case, column in zip(cases, columns(cases), strict=True):
        told = [_tried(column, row) for row in ROWS]
        for number, text in enumerate(told, 1):
            if text.startswith(NOTHING):
                reasons.setdefault(text.removeprefix(f"{NOTHING} "), set()).add(number)
        marks = [_mark(text) for text in told]
        counts.update(marks)
        print(f"| `{case.kind.kind}` | {' | '.join(marks)} |", flush=True)
    print("\nEmpty cells:")
    for reason, numbers in reasons.items():
        print(f"- {', '.join(map(str, sorted(numbers)))}: {reason}")
    for kind, reason in NO_COLUMN.items():
        print(f"- `{kind}`: {reason}")
    print(f"\n{counts['✔']} converged under the fault, {counts['↻']} after it, {counts['–']} with nothing to try")
    return 1 if counts["✘"] else 0


def _tried(column: Column, row: Row) -> str:
    try:
        return column.cell(row)
    except (AssertionError, DeployError) as error:
        print(f"✘ {row.name}: {error}", file=sys.stderr)
        return f"✘ {error}"


def _mark(told: str) -> str:
    if told.startswith((NOTHING, "✘")):
        return told[0]
    return "✔" if told == "converged" else "↻"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
