"""docs/security.md: whatever a row of its tables promises, a test that is there holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_TEST = re.compile(r"`(tests/[\w/]+\.py)`")


def rows() -> Iterator[tuple[str, str]]:
    """(what is promised, what is said to hold it) of every row of every table."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if len(cells) > 1 and not set(cells[0]) <= {"-", " "} and cells[-1] != "Test":
            yield cells[0], cells[-1]


ROWS = [pytest.param(promise, held, id=promise[:60]) for promise, held in rows()]


def _tests(path: Path) -> set[str]:
    """The tests of a file."""
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {one.name for one in found if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}


def test_there_are_promises() -> None:
    assert len(ROWS) > 20


@pytest.mark.parametrize(("promise", "held"), ROWS)
def test_what_is_promised_is_held_by_tests(promise: str, held: str) -> None:
    named = _TEST.findall(held)
    assert named, f"nothing holds: {promise}"
    for path in named:
        assert (ROOT / path).is_file(), path
        assert _tests(ROOT / path), f"{path} has no test"
