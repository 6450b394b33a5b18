"""The life of every kind while AWS's lists are late: found by its id, made once, and gone when it is gone."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Observed, Resource
from livekit_deploy.sandbox.faults import calls
from livekit_deploy.sandbox.faults.plan import current, parsed
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, Case, closure

#: answers of each list that are behind: more than are ever asked for
_BEHIND = 1000
_MADE_BY_OTHERS = {"elbv2.load_balancer"}
_BY_KIND = [pytest.param(case, id=case.kind.kind) for case in CASES if case.kind.kind not in _MADE_BY_OTHERS]


@pytest.fixture(autouse=True)
def behind(aws: None) -> Iterator[None]:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    calls.clear()
    current.add([parsed({"fault": "late-lists", "reads": _BEHIND})])
    yield
    calls.clear()


def built(case: Case) -> tuple[Resource, list[Resource]]:
    subject = case.make(Base())
    return subject, closure(subject)


@pytest.mark.parametrize("case", _BY_KIND)
def test_the_life_of_a_resource(case: Case, rig: AwsRig) -> None:
    subject, everything = built(case)
    rig.up(everything)
    first = rig.records[subject.address].id
    assert rig.plan(built(case)[1]).changes == (), "a list that misses it makes nothing twice"
    rig.calls()
    rig.up(built(case)[1])
    assert rig.calls() == []
    rig.down()
    assert rig.records == {}

    planned = {change.action for change in rig.plan(built(case)[1]).changes}
    assert planned == {Action.CREATE}, "what is gone is not taken for what is there, though a list has it"
    rig.up(built(case)[1])
    if not issubclass(case.kind, Observed):
        assert rig.records[subject.address].phase.value == "ready"
    assert rig.plan(built(case)[1]).changes == ()
    rig.down()
    assert rig.records == {}
    assert first
