"""What the sandbox is held to is tried on MiniStack too: where it disagrees, a line says who is wrong and by what."""

from __future__ import annotations

import pytest

from tests.sandbox.corrections import probes
from tests.sandbox.corrections.harness import Probe, ProbedAws, failure
from tests.second_opinion.additions import Additions
from tests.second_opinion.decisions import DISAGREES, MENDED, NO_PROBE
from tests.second_opinion.emulator import Emulator

_TRIED = [one for one in probes() if not {one.service, one.name} & set(NO_PROBE)]


@pytest.fixture(scope="module")
def world(emulator: Emulator) -> ProbedAws:
    account, additions = emulator.account(), Additions()

    def client(service: str) -> object:
        made = emulator.new_client(service, account)
        additions.watch(made)
        return made

    return ProbedAws(lambda clock: None, window=0.0, client=client)


@pytest.mark.parametrize("probe", _TRIED, ids=lambda probe: str(probe.name))
def test_ministack_agrees_or_a_line_says_who_is_wrong(probe: Probe, world: ProbedAws) -> None:
    said = failure(probe, world)
    assert (said is not None) == (probe.name in DISAGREES), (
        f"{said}: say who is wrong in decisions.py, then make schema"
    )


def test_every_line_is_about_a_probe() -> None:
    assert set(DISAGREES) <= {one.name for one in _TRIED}
    assert {one.probe for one in MENDED} <= {one.name for one in probes()}
