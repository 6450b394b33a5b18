"""docs/glossary.md: whatever its last column names is in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
_CODE = re.compile(r"`([^`]+)`")
_AFTER_NAMES = re.compile(r"\([^)]*\)")


def _rows() -> list[tuple[str, str]]:
    """(term, where it lives)."""
    cells = [line.strip("|").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    return [(row[0].strip(), row[-1].strip()) for row in cells if row[0].strip() != "Term"]


def _path(name: str) -> Path:
    return ROOT / name if name.startswith("tests/") else ROOT / "livekit_deploy" / name


def _defined(path: Path) -> set[str]:
    """What a module, or any module of a folder, defines, with the members of its classes."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return {name for file in files for name in _names(ast.parse(file.read_text(encoding="utf-8")).body)}


def _names(statements: list[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        match statement:
            case ast.ClassDef(name=name):
                yield name
                yield from (f"{name}.{member}" for member in _names(statement.body))
            case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))


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
    defined = set[str]().union(*(_defined(path) for path in paths))
    assert [name for name in named if "/" not in name and not name.endswith(".py") and name not in defined] == []
