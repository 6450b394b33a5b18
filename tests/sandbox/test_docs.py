"""The programs in docs/library.md run as they stand, against the sandbox."""

from __future__ import annotations

import re

import pytest

from tests.places import ROOT
from tests.sandbox.workspace import Workspace

_PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)
PROGRAMS = _PROGRAM.findall((ROOT / "docs" / "library.md").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS[1:], ids=["a part", "a kind of your own"])
def test_programs_run(here: Workspace, program: str) -> None:
    before = here.inventory()
    here.program(program, "uat")
    assert here.inventory() == before
    assert here.client("ssm").describe_parameters()["Parameters"] == []


def test_the_first_is_the_one_in_the_readme() -> None:
    assert PROGRAMS[0] in (ROOT / "README.md").read_text(encoding="utf-8")
