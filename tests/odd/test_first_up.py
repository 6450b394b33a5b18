"""An odd answer to a call that makes something: what was made is found again, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inventory import inventory
from tests.kill.conftest import FORKS
from tests.kill.helm import stand_in
from tests.kill.standing import environment
from tests.kill.world import world
from tests.odd.runs import Life, changes, some

pytestmark = [*FORKS]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with world(tmp_path) as here, stand_in():
        yield Life(here, environment(here), inventory(), "up")


def test_some_odd_answers(life: Life, seed: int) -> None:
    cases = life.cases(changes)
    assert {field.call.partition(":")[0] for field, _ in cases} >= {"ec2", "iam", "kms", "acm"}
    assert life.wrong(some(cases, 2, seed)) == []


@pytest.mark.slow
def test_every_odd_answer(life: Life) -> None:
    assert life.wrong(life.cases(changes)) == []
