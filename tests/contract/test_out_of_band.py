"""For every kind: its record is lost, and imported or found again; its object is deleted by somebody and made again."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.kinds.dns.records import FOUND
from livekit_deploy.aws.kinds.dns.records import Record as DnsRecord
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.engine.plan import GONE, Action
from livekit_deploy.engine.resource import Observed, Resource, Status
from livekit_deploy.errors import InUse, UsageError
from livekit_deploy.operations.state_repair import Upkeep
from livekit_deploy.state.document import Record
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, Case, closure
from tests.kinds import kinds


def declared(case: Case) -> tuple[Resource, list[Resource]]:
    subject = case.make(Base())
    return subject, closure(subject)


def needs(case: Case) -> list[Resource]:
    """What the subject refers to or comes after, of ours to make."""
    found = {item.address: item for item in declared(case)[0].dependencies() if not isinstance(item, Observed)}
    return [found[address] for address in sorted(found)]


#: AWS refuses to delete these while others use them, here at least one of them
_HELD_BY_ITS_USERS = {
    *("ec2.elastic_ip", "ec2.internet_gateway", "ec2.security_group", "ec2.subnet", "ec2.vpc"),
    *("eks.cluster", "elasticache.parameter_group", "elasticache.subnet_group"),
}
_MOST_STEPS = 12  # of a deletion, one call each
_MADE = [pytest.param(case, id=case.kind.kind) for case in CASES if not issubclass(case.kind, Observed)]
_NEEDS = [
    pytest.param(case, number, id=f"{case.kind.kind} needs {item.address}")
    for case in CASES
    for number, item in enumerate(needs(case))
]
_WATCHED = [pytest.param(case, id=case.kind.kind) for case in CASES if issubclass(case.kind, Observed)]


@pytest.fixture
def env(tmp_path: Path, aws: None) -> Environment:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    path = tmp_path / "uat.yaml"
    path.write_text(f"region: us-east-1\nlivekit: {{domain: livekit.{ZONE}}}\n")
    return load_environment(path, environ={})


def essence(record: Record) -> dict[str, Any]:
    """The record without what belongs to the run that made it."""
    return asdict(replace(record, since="", token=None, spent=None))


def forgotten(case: Case, rig: AwsRig, env: Environment) -> Record:
    """Drop the record of the subject, and return the one that an import of it would write."""
    upkeep = Upkeep(env, rig.cloud, rig._store)
    subject, everything = declared(case)
    id = str(rig.records[subject.address].id)
    upkeep.carry_out(upkeep.forget(subject.address), "state forget")
    assert subject.address not in rig.records
    proposal = upkeep.take_over(everything, subject.address, id)
    assert (proposal.added, proposal.diffs) == ((subject.address,), ())
    return proposal.state.records[subject.address]


def deleted(address: str, rig: AwsRig) -> tuple[Action, str]:
    """Somebody deletes the object, with the calls that a console makes for it, and knows nothing of the record.

    Says what the plan has to do about it, and why: a deletion that is only scheduled is taken back.
    """
    record = rig.records[address]
    item = kinds()[record.kind].recorded(address, record.inputs)
    if record.lives_in:
        host = rig.records[record.lives_in]
        item.host = kinds()[host.kind].recorded(record.lives_in, host.inputs).read(rig.cloud, host.id)
    for _ in range(_MOST_STEPS):
        live = item.read_teardown(rig.cloud, record.id)
        if live is None:
            scheduled = item.read(rig.cloud, record.id) is not None
            return (Action.UPDATE, "") if scheduled else (Action.CREATE, GONE)
        if live.status is not Status.DELETING:
            item.delete(rig.cloud, live)
    raise AssertionError(f"{address} is still there")


@pytest.mark.parametrize("case", _MADE)
def test_what_is_not_recorded_is_found_by_its_mark_and_what_is_deleted_is_made_again(
    case: Case, rig: AwsRig, env: Environment
) -> None:
    subject, everything = declared(case)
    rig.up(everything)
    before = rig.records[subject.address]
    assert essence(forgotten(case, rig, env)) == essence(before), "imported, it is what the run recorded"
    rig.calls()
    rig.up(declared(case)[1])
    assert rig.calls() == []
    if case.kind is DnsRecord:
        assert rig.records[subject.address].id == f"{FOUND}{before.id}", "it has no mark that would say whose it is"
        return
    assert rig.records[subject.address].id == before.id, "law 2: the create call carries the tag"

    expected, why = deleted(subject.address, rig)
    (change,) = rig.plan(declared(case)[1]).changes
    assert (change.address, change.action, change.reason) == (subject.address, expected, why)
    rig.up(declared(case)[1])
    assert (rig.records[subject.address].id == before.id) or expected is Action.CREATE
    assert rig.records[subject.address].generation == before.generation + (expected is Action.CREATE)
    assert rig.plan(declared(case)[1]).changes == ()


@pytest.mark.slow
@pytest.mark.parametrize(("case", "number"), _NEEDS)
def test_what_needs_something_that_was_deleted_follows_it(
    case: Case, number: int, rig: AwsRig, env: Environment
) -> None:
    """Whatever AWS lets somebody delete while it is in use."""
    _, everything = declared(case)
    rig.up(everything)
    address = needs(case)[number].address
    try:
        expected = deleted(address, rig)
    except InUse:
        assert address.partition("/")[0] in _HELD_BY_ITS_USERS
        return
    again = {c.address: c for c in rig.plan(declared(case)[1]).changes}
    assert (again[address].action, again[address].reason) == expected
    rig.up(declared(case)[1])
    assert rig.plan(declared(case)[1]).changes == ()
    rig.down()
    assert rig.records == {}


@pytest.mark.parametrize("case", _WATCHED)
def test_what_others_make_is_not_imported(case: Case, rig: AwsRig, env: Environment) -> None:
    subject, everything = declared(case)
    rig.up([item for item in everything if item is not subject])
    with pytest.raises(UsageError, match=f"{subject.address} is made by others and only observed") as refused:
        Upkeep(env, rig.cloud, rig._store).take_over(everything, subject.address, "x")
    assert "which records it" in refused.value.hint
