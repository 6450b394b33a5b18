"""What the modules of a file or folder define: pages name it, and tests hold them to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def definitions(path: Path) -> set[str]:
    """Classes, functions and constants, with the members of classes after a dot."""
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
