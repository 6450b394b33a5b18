"""Somebody writes the id of another environment's object into the state, for every kind: nothing is done to it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import DeployError
from livekit_deploy.state import document
from livekit_deploy.state.document import Record
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import ZONE, Base, Case, closure
from tests.contract.marks import TAGGED

#: kinds of which two environments of an account have no two ids → why
SAME = {
    "iam.oidc_provider": "an account has one of an issuer",
    "eks.access_entry": "its id is its address",
    "eks.addon": "its id is its address",
}


@pytest.fixture(autouse=True)
def zone(aws: None) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")


def _declared(case: Case) -> Sequence[Resource]:
    return closure(case.make(Base()))


def _write(rig: AwsRig, folder: Path, address: str, id: str) -> Record:
    """As whoever can write the file and nothing else: the document stays whole."""
    path = folder / f"{rig.env}.json"
    state = document.load(path.read_bytes(), str(path))
    was = state.records[address]
    path.write_bytes(document.dump(state.with_records({address: replace(was, id=id)})))
    return was


@pytest.mark.parametrize("case", [one for one in TAGGED if one.id not in SAME])
def test_an_id_that_is_written_into_the_state_makes_nothing_ours(case: Case, rig: AwsRig, tmp_path: Path) -> None:
    theirs = AwsRig(tmp_path / "theirs", "prod")
    theirs.up(_declared(case))
    rig.up(_declared(case))
    address = case.make(Base()).address
    id = str(theirs.records[address].id)
    assert rig.records[address].id != id
    _write(rig, tmp_path, address, id)

    with contextlib.suppress(DeployError):  # what it does with ours is another matter
        rig.up(_declared(case))
    assert theirs.plan(_declared(case)).changes == (), "after up"
    if address in rig.records:
        _write(rig, tmp_path, address, id)
    with contextlib.suppress(DeployError):
        rig.down()
    plan = theirs.plan(_declared(case))
    assert (plan.changes, plan.unmarked) == ((), ()), "after down"
