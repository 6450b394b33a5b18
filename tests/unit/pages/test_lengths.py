"""A file fits into a reader's head, and a function on a screen."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.places import ROOT

FILE, FUNCTION = 350, 40


def _longer(folder: str) -> Iterator[str]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT)
        if (lines := len(text.splitlines())) > FILE:
            yield f"{name} has {lines} lines: split it by subject"
        for one in ast.walk(ast.parse(text)):
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and (lines := _lines(one)) > FUNCTION:
                yield f"{name}: {one.name} has {lines} lines"


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From ``def`` on: what parametrizes a test is data."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


@pytest.mark.parametrize("folder", ["livekit_deploy", "tests"])
def test_no_file_and_no_function_is_long(folder: str) -> None:
    assert list(_longer(folder)) == []
