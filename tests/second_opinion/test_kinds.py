"""Every kind of AWS's lives in an emulator that nobody here wrote, as it lives in the sandbox."""

from __future__ import annotations

import pytest

from livekit_deploy.engine.inputs import Change
from livekit_deploy.engine.plan import Action
from tests.contract.cases import CASES
from tests.contract.kinds.case import Case
from tests.contract.test_resource import built
from tests.second_opinion.account import Account
from tests.second_opinion.decisions import NO_CHANGE, NO_LIFE

_LIVES = [case for case in CASES if case.kind.kind not in NO_LIFE]


def _changes(case: Case) -> list[str]:
    """The inputs that a living object's can be changed in, by what MiniStack offers."""
    possible = [name for name in case.changes if case.kind.inputs[name].change is not Change.FIXED]
    return [name for name in possible if f"{case.kind.kind}.{name}" not in NO_CHANGE]


def _lives() -> list[pytest.ParameterSet]:
    """Each kind once with a change, where it has any; its further changes are slow."""
    found = []
    for case in _LIVES:
        for position, name in enumerate(_changes(case) or [None]):
            marks = [pytest.mark.slow] if position else []
            found.append(pytest.param(case, name, id=f"{case.kind.kind}.{name}", marks=marks))
    return found


@pytest.mark.parametrize(("case", "name"), _lives())
def test_the_life_of_a_resource(case: Case, name: str | None, account: Account) -> None:
    subject, everything = built(case, also=name)
    before = account.everything()
    account.up(everything)
    assert account.records[subject.address].phase.value == "ready"
    account.calls()
    account.up(built(case, also=name)[1])
    assert account.calls() == [], "the second run makes no call"
    if name is not None:
        changed, all_changed = built(case, name, also=name)
        actions = {change.action for change in account.plan(all_changed).changes}
        assert actions & {Action.UPDATE, Action.CREATE}
        account.up(all_changed)
        assert account.plan(built(case, name, also=name)[1]).changes == ()
        assert changed.address in account.records
    account.down()
    assert account.records == {}
    assert account.everything() == before, "nothing is left, by the emulator's own lists"


def test_what_is_left_out_is_a_kind_with_an_input_that_is_there() -> None:
    assert set(NO_LIFE) <= {case.kind.kind for case in CASES}
    inputs = {f"{case.kind.kind}.{name}" for case in CASES for name in case.changes}
    assert set(NO_CHANGE) <= inputs


@pytest.mark.slow
@pytest.mark.parametrize("left_out", NO_CHANGE)
def test_what_is_left_out_cannot_be_done(left_out: str, account: Account) -> None:
    """Whoever moves to a newer MiniStack learns here what it can do by then."""
    kind, _, name = left_out.rpartition(".")
    (case,) = [one for one in CASES if one.kind.kind == kind]
    account.up(built(case, also=name)[1])
    with pytest.raises(Exception, match=NO_CHANGE[left_out].shows):
        account.up(built(case, name, also=name)[1])
