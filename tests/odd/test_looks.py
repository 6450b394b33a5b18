"""Whichever field of an answer is odd: no mistake of the program, the call and the field are named, nothing goes.

The cases are what the commands really read of the answers of AWS; the ways in which a field can be odd come from
botocore's models.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from livekit_deploy.aws.access.clients import Clients
from tests.kill.conftest import FORKS
from tests.kill.standing import Deployed, environment
from tests.odd.looks import LOOKS, Looking
from tests.odd.spoiling import Field

pytestmark = [*FORKS]


@pytest.fixture(scope="module")
def clients(standing: Deployed) -> Clients:
    return standing.here.watched()


def _cases(looking: Looking) -> dict[str, list[tuple[Field, str]]]:
    """What can be tried, by call."""
    fields, found = looking.fields(), dict[str, list[tuple[Field, str]]]()
    for field in sorted(fields):
        found.setdefault(field.call, []).extend((field, way) for way in sorted(fields[field]))
    return found


def _wrong(looking: Looking, cases: Iterable[tuple[Field, str]]) -> list[str]:
    tried = ((field, way, looking.wrong(field, way)) for field, way in cases)
    return [f"{field.call} {field.path} {way}: {wrong}" for field, way, wrong in tried if wrong]


def test_one_odd_field_of_each_answer(standing: Deployed, clients: Clients, seed: int) -> None:
    """Each call once, whichever of the commands makes it."""
    draw, tried, wrong = random.Random(seed), set[str](), list[str]()
    for command in LOOKS:
        looking = Looking(standing.here, environment(standing.here), clients, command)
        cases = {call: found for call, found in _cases(looking).items() if call not in tried}
        wrong += [f"{command}: {one}" for one in _wrong(looking, [draw.choice(found) for found in cases.values()])]
        tried |= cases.keys()
    assert wrong == []
    assert len(tried) > 80


@pytest.mark.slow
@pytest.mark.parametrize("command", LOOKS)
def test_every_odd_field_of_each_answer(command: str, standing: Deployed, clients: Clients) -> None:
    looking = Looking(standing.here, environment(standing.here), clients, command)
    assert _wrong(looking, [case for cases in _cases(looking).values() for case in cases]) == []
