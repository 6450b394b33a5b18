"""The page of the faults is of this matrix: its rows and kinds, no cell empty without a reason, figures that add up."""

from __future__ import annotations

import re

from tests.faults.rows import NO_COLUMN, ROWS, TRIED
from tests.k8s.faults import FAULTS
from tests.k8s.test_faults import PATHS, ROUNDS
from tests.places import ROOT

AWS, KUBERNETES = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8").split("## Kubernetes")


def _table(text: str, first: str) -> list[list[str]]:
    """The rows below the header whose first cell is ``first``."""
    lines = text[text.index(f"| {first} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_it_has_every_fault_and_every_kind() -> None:
    assert _table(AWS, "| fault") == [[str(number), row.name] for number, row in enumerate(ROWS, 1)]
    assert [row[0] for row in _table(AWS, "kind")] == [f"`{case.kind.kind}`" for case in TRIED]


def test_no_cell_is_empty_without_a_reason() -> None:
    empty = set()
    for _, *cells in _table(AWS, "kind"):
        assert len(cells) == len(ROWS)
        assert set(cells) <= {"✔", "↻", "–"}
        empty |= {number for number, cell in enumerate(cells, 1) if cell == "–"}
    reasons = re.findall(r"^- ([\d, ]+): \S", AWS, re.MULTILINE)
    assert {int(number) for one in reasons for number in one.split(",")} == empty
    for kind, reason in NO_COLUMN.items():
        assert f"- `{kind}`: {reason}" in AWS


def test_its_figures_are_those_of_its_table() -> None:
    cells = [cell for _, *row in _table(AWS, "kind") for cell in row]
    told = re.search(r"(\d+) converged under the fault, (\d+) after it, (\d+) with nothing to try", AWS)
    assert told is not None
    assert [int(number) for number in told.groups()] == [cells.count(mark) for mark in "✔↻–"]


def test_the_faults_of_kubernetes_are_there_too() -> None:
    assert [row[0] for row in _table(KUBERNETES, "fault")] == [fault.name for fault in FAULTS]
    assert f"{len(PATHS) * len(ROUNDS) * len(FAULTS)} cells" in KUBERNETES.replace("\n", " ")
    for kind in PATHS:
        assert f"`{kind.split(',')[0]}`" in KUBERNETES
