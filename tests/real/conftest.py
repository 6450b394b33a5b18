"""Marks what is here, and leaves out a test whose server or program cannot be had, with the reason."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.real.recipes import Unavailable

_HERE = Path(__file__).parent
_LIVEKIT = _HERE / "livekit"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-answers", action="store_true", help="write tests/k8s/answers.json anew")


@pytest.hookimpl(tryfirst=True)  # before xdist looks which tests belong together
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.real)
            if _LIVEKIT not in item.path.parents:
                item.add_marker(pytest.mark.xdist_group(item.path.name))  # one control plane serves a whole file


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    return (yield from _or_left_out())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    return (yield from _or_left_out())


def _or_left_out() -> Generator[None, object, object]:
    try:
        return (yield)
    except Unavailable as error:
        pytest.skip(str(error))
