"""docs/glossary.md: whatever its last column names is in the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.definitions import definitions
from tests.places import ROOT

PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
_CODE = re.compile(r"`([^`]+)`")
_AFTER_NAMES = re.compile(r"\([^)]*\)")


def _rows() -> list[tuple[str, str]]:
    """(term, where it lives)."""
    cells = [line.strip("|").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    return [(row[0].strip(), row[-1].strip()) for row in cells if row[0].strip() != "Term"]


def _path(name: str) -> Path:
    return ROOT / name if name.startswith("tests/") else ROOT / "livekit_deploy" / name


def test_each_term_stands_once() -> None:
    terms = [term for row, _ in _rows() for term in row.split(", ")]
    assert len(terms) > 50
    assert sorted(terms) == sorted(set(terms))


@pytest.mark.parametrize(("term", "where"), _rows(), ids=[term for term, _ in _rows()])
def test_what_it_names_is_there(term: str, where: str) -> None:
    named = _CODE.findall(_AFTER_NAMES.sub("", where))
    paths = [_path(name) for name in named if "/" in name or name.endswith(".py")]
    assert paths, f"{term}: no module"
    assert [str(path) for path in paths if not path.exists()] == []
    defined = set[str]().union(*(definitions(path) for path in paths))
    assert [name for name in named if "/" not in name and not name.endswith(".py") and name not in defined] == []
