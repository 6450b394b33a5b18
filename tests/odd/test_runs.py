"""An odd answer in the middle of `up` or `down` takes nothing away, and the next run ends as if it had not been."""

from __future__ import annotations

import pytest

from tests.kill.conftest import FORKS
from tests.kill.standing import Deployed, environment
from tests.odd.runs import Life, some

pytestmark = [*FORKS]


def _of_standing(standing: Deployed, verb: str) -> Life:
    return Life(standing.here, environment(standing.here), standing.before, verb)


def test_a_second_up_with_some_odd_answers(standing: Deployed, seed: int) -> None:
    life = _of_standing(standing, "up")
    assert life.wrong(some(life.cases(lambda call: True), 2, seed)) == []


@pytest.mark.slow
def test_a_second_up_with_every_odd_answer(standing: Deployed) -> None:
    life = _of_standing(standing, "up")
    assert life.wrong(life.cases(lambda call: True)) == []


@pytest.mark.slow
def test_a_down_with_every_odd_answer(standing: Deployed) -> None:
    life = _of_standing(standing, "down")
    assert life.wrong(life.cases(lambda call: True)) == []
