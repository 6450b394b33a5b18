"""Options of all tests, and the figures that they tell at the end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# how fast the machine is says nothing about the code
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every", default="10", help="kill suite: die at every N-th boundary (make kill: 1)")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """After a run with the drift tests: how many Inputs they try."""
    passed = terminalreporter.getreports("passed")
    if any("contract/test_drift.py" in report.nodeid for report in passed):
        from tests.contract.coverage import figure

        terminalreporter.write_line(figure())
