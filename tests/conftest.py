"""Options of all tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every", default="10", help="kill suite: die at every N-th boundary (make kill: 1)")
