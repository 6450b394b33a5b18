"""The matrix of faults and kinds: a sample of it in every run, all of it where there is time.

``python -m tests.faults`` prints it.
"""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.engine.inputs import Change
from livekit_deploy.engine.resource import Resource
from livekit_deploy.stack import Infrastructure
from tests.contract.kinds.case import Base, Case, closure
from tests.faults.matrix import NOTHING, changeable, columns
from tests.faults.rig import FaultRig, world
from tests.faults.rows import ROWS, TRIED, Row
from tests.kill.changes import ENVIRONMENT

#: which kinds, and which faults of each: another seed tries others
SEED, KINDS, FAULTS = 20261124, 3, 6
#: cells that once failed, or that only a few kinds have
ALWAYS = {
    "ec2.internet_gateway": ("throttled, 3 times", "change: reset after"),
    "kms.key": ("delete: reset after",),
    "route53.record": ("delete: reset after",),
    "ec2.subnet": ("dependency not spread", "reset after", "not visible for 3 reads"),
    "eks.node_group": ("role not spread", "ends failed", "no capacity in a zone", "expired in the middle"),
}

#: EKS makes a log group of its own for them, which another kind takes away; the action is that of other inputs
MAKES_MORE = ("eks.cluster", "logs")


def _sample() -> list[tuple[Case, list[Row]]]:
    always = [(case, [row for row in ROWS if row.name in ALWAYS.get(case.kind.kind, ())]) for case in TRIED]
    drawn = random.Random(SEED)
    others = drawn.sample([case for case in TRIED if case.kind.kind not in ALWAYS], KINDS)
    return [*(one for one in always if one[1]), *((case, drawn.sample(ROWS, FAULTS)) for case in others)]


@pytest.mark.parametrize(("case", "rows"), [pytest.param(*one, id=one[0].kind.kind) for one in _sample()])
def test_a_sample_of_the_matrix(case: Case, rows: list[Row]) -> None:
    for column in columns([case]):
        for row in rows:
            assert column.cell(row), row.name


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(case, id=case.kind.kind) for case in TRIED])
def test_every_fault_against_every_kind(case: Case) -> None:
    for column in columns([case]):
        told = {row.name: column.cell(row) for row in ROWS}
        assert all(text.removeprefix(NOTHING).strip() for text in told.values()), "a cell is empty without a reason"


@pytest.mark.slow
def test_every_action_of_a_whole_run_is_denied_in_some_cell(tmp_path: Path) -> None:
    path = tmp_path / "dev.yaml"
    path.write_text(ENVIRONMENT)
    whole = _actions_of(load_environment(path, environ={}), tmp_path)
    tried: set[str] = set()
    for calls in (column.calls for column in columns(TRIED)):
        tried |= {*calls.ups, *calls.changes, *calls.downs, *calls.reads, *calls.reads_down}
    # asked for all of a run, and of the proof of a certificate that others may need: test_runs.py denies them
    of_proofs = {"acm:ListCertificates", "acm:ListTagsForCertificate", "ec2:DescribeRegions"}
    assert whole - tried == {"sts:GetCallerIdentity", *of_proofs}


def _actions_of(env: Environment, folder: Path) -> set[str]:
    with world():
        rig = FaultRig(folder, "dev")
        rig.clients("route53").create_hosted_zone(Name="example.com", CallerReference="x")
        rig.made()
        for resources in (Infrastructure(env).resources, None):
            assert rig.attempt(resources) == {}
        return {*rig._made}


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(case, id=case.kind.kind) for case in TRIED if changeable(case)])
def test_each_action_of_every_change_is_denied_in_turn(case: Case) -> None:
    """The row of the matrix changes one input; this every one, there and back."""
    for column in columns([case]):
        tried = {*column.calls.ups, *column.calls.changes, *column.calls.downs}
        mutable = [name for name in case.changes if case.kind.inputs[name].change is Change.MUTABLE]
        for name in (one for one in mutable if (case.kind.kind, one) != MAKES_MORE):
            one, other = partial(_either, case, name, 0), partial(_either, case, name, 1)
            for there in (other, one):
                column.deny_each(there, first=one, other=other, tried=tried)


def _either(case: Case, name: str, which: int) -> list[Resource]:
    """The case with one or the other value of an input, and what either needs."""
    base = Base()
    both = case.make(base), case.changed(base, name)
    return closure(both[which], *both[0].dependencies(), *both[1].dependencies())
