"""Tags what is here, and leaves out a test whose server or program cannot be had, with the reason."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.real.recipes import Unavailable

_HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-answers", action="store_true", help="write tests/k8s/answers.json anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.real)


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
