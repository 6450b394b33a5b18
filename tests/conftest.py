"""Options of all tests, and the figures that they tell at the end."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests import botocore_once, enums
from tests.kill.table import tell

if TYPE_CHECKING:
    from tests.second_opinion.emulator import Emulator

botocore_once.install()
# the tests start hundreds of interpreters, which would compile everything anew
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# how fast the machine is says nothing about the code
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


#: new objects; AWS's service models and moto are millions that stay, and looking through them took a quarter of it all
_COLLECTED_AFTER = 200_000


#: bytes that the folders of a run's tests, and of the two runs before it, never fill
_ROOM = 4 << 30


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Tests keep their files in memory where that is large enough: a disk takes milliseconds for each that is written.

    Who names a place is heard: by ``TMPDIR``, ``PYTEST_DEBUG_TEMPROOT`` or ``--basetemp``.
    """
    memory = Path("/dev/shm")
    if {"TMPDIR", "PYTEST_DEBUG_TEMPROOT"} & set(os.environ) or not os.access(memory, os.W_OK):
        return
    found = os.statvfs(memory)
    if found.f_bavail * found.f_frsize > _ROOM and not found.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(memory)


def pytest_collection_finish() -> None:
    """What is imported by now stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)


@pytest.fixture(autouse=True)
def every_enum_has_a_meaning(monkeypatch: pytest.MonkeyPatch) -> Generator[None, None, None]:
    """What the product looks at in AWS's answers, in whatever test, is in a table of states."""
    unknown: set[tuple[str, str]] = set()

    def note(looked: enums.Looked) -> None:
        if enums.unmapped(looked):
            unknown.add(looked.key)

    enums.watch(monkeypatch, note)
    yield
    assert not unknown, f"livekit_deploy/aws/kinds/states.py must say what they mean: {sorted(unknown)}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every", default="20", help="kill suite: die at every N-th boundary (make kill: 1)")
    parser.addoption("--boundary", default=None, help="kill suite: die at this boundary only")
    parser.addoption("--seed", default="1", help="kill suite: what random moments are drawn with")
    parser.addoption("--rounds", default="20", help="kill suite: how many processes are killed at a random moment")
    parser.addoption("--update-screens", action="store_true", help="write tests/sandbox/screens/ anew")


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One for all tests of a process, each of which takes an account of its own."""
    from tests.second_opinion.emulator import Emulator

    running = Emulator(tmp_path_factory.mktemp("ministack"))
    yield running
    running.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A property that fails says how its examples are drawn once more."""
    report = yield
    seed = getattr(getattr(item, "obj", None), "_hypothesis_internal_use_generated_seed", None)
    if report.when == "call" and report.failed and seed is not None:
        report.sections.append(("replay it with", f"python -m pytest '{item.nodeid}' --hypothesis-seed={seed}"))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """After a run with the drift tests: how many Inputs they try. After one with the kill suite: its table."""
    passed = terminalreporter.getreports("passed")
    if any("contract/test_drift.py" in report.nodeid for report in passed):
        from tests.contract.coverage import figure

        terminalreporter.write_line(figure())
    tell(terminalreporter)
