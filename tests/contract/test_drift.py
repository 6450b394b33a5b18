"""Somebody changes an input behind our back, for every input of every kind: the plan shows it, `up` corrects it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import boto3
import botocore.session
import pytest

from livekit_deploy.engine.inputs import Change
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import Blocked
from tests.aws.rig import AwsRig
from tests.contract import coverage
from tests.contract.cases import CASES
from tests.contract.declared import OF_AWS, parameter
from tests.contract.kinds.case import ZONE, Base, Case, closure
from tests.contract.out_of_band import Drift
from tests.following import adopted
from tests.kinds import kinds
from tests.request_members import members


@pytest.fixture(autouse=True)
def zone(aws: None) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")


class Subject:
    """One object of a case with all that it needs, up and recorded."""

    def __init__(self, case: Case, drift: Drift, rig: AwsRig) -> None:
        self._case, self._drift, self._rig = case, drift, rig
        self.rig = rig
        rig.up(self.declared())

    def declared(self) -> Sequence[Resource]:
        """Everything, as the configuration says it: afresh for each run."""
        base = Base()
        start = {name: make(base) for name, make in self._drift.start.items()}
        subject = self._case.make(base, **start)
        self.address = subject.address
        return closure(subject)

    def drifts(self, name: str, drift: Drift) -> None:
        """Change it by hand; the plan must show it, and `up` put it right with one call (or refuse)."""
        drift.hand(self.rig.records[self.address])
        if drift.gives_away:
            self._adopted(name)
        (change,) = self.rig.plan(self.declared()).changes
        shown = {diff.path.split(".")[0]: diff for diff in change.diffs}
        watched = shown[_SHOWN_AS.get((self._case.kind.kind, name), name)]
        assert change.address == self.address
        assert {diff.origin for diff in change.diffs} == {"drift"}
        assert watched.before != watched.after
        self.rig.calls()
        if drift.blocked:
            assert (change.action, bool(change.hint)) == (Action.BLOCKED, True)
            with pytest.raises(Blocked):
                self.rig.up(self.declared())
            assert self.rig.calls() == []
        else:
            assert change.action is Action.UPDATE
            self.rig.up(self.declared())
            assert len(self.rig.calls()) == 1, "put right with one call"
            self.rig.marked(adopt=frozenset())
            plan = self.rig.plan(self.declared())
            assert (plan.changes, plan.unmarked) == ((), ())

    def _adopted(self, name: str) -> None:
        """It is shown and left alone, until the user adopts it."""
        plan = self.rig.plan(self.declared())
        assert plan.changes == ()
        assert [(one.address, {diff.path for diff in one.unmarked}) for one in plan.unmarked] == [
            (self.address, {name})
        ]
        self.rig.calls()
        self.rig.up(self.declared())
        assert self.rig.calls() == []
        self.rig.cloud = replace(
            self.rig.cloud, ownership=replace(self.rig.cloud.ownership, adopt=adopted(plan.unmarked[0].remedy))
        )


#: inputs that are compared as part of another one
_SHOWN_AS = {("iam.role", "values"): "trust"}
_TOGETHER = [pytest.param(case, id=case.kind.kind) for case in CASES if case.drifts or case.silent]
_ALONE = [
    pytest.param(case, name, drift, id=f"{case.kind.kind}.{name}")
    for case in CASES
    for name, drift in case.drifts.items()
    if drift.start or drift.blocked
]


@pytest.mark.parametrize("case", _TOGETHER)
def test_drift_is_shown_and_put_right(case: Case, rig: AwsRig) -> None:
    """One after the other on the same object; and what others own never shows."""
    subject = Subject(case, Drift(lambda made: None), rig)
    for name, drift in case.drifts.items():
        if not (drift.start or drift.blocked):
            subject.drifts(name, drift)
    for name, hand in case.silent.items():
        hand(rig.records[subject.address])
        assert rig.plan(subject.declared()).changes == (), name


@pytest.mark.parametrize(("case", "name", "drift"), _ALONE)
def test_drift_of_an_object_of_its_own(case: Case, name: str, drift: Drift, rig: AwsRig) -> None:
    Subject(case, drift, rig).drifts(name, drift)


def test_every_input_is_tried_or_has_an_owner() -> None:
    """A new Input fails here until a drift case changes it, or somebody is named who keeps it from drifting."""
    assert coverage.declared() - coverage.tried() - set(coverage.owned()) == set()
    assert coverage.tried() | set(coverage.owned()) == coverage.declared(), "a case of an input that is no more"
    assert coverage.tried() & set(coverage.owned()) == set()
    assert {why.partition(":")[0] for why in coverage.owned().values()} <= set(coverage.OWNERS)


_WHAT_AN_OWNER_MEANS = {
    "AWS": {Change.FIXED, Change.IMMUTABLE},  # what we can change in place, others can too
    "autoscaler": {Change.CREATE_ONLY},
    "create-only": {Change.CREATE_ONLY},
}


def test_an_owner_keeps_only_what_its_class_lets_nobody_change() -> None:
    declared = {f"{kind.kind}.{name}": one for kind in kinds().values() for name, one in kind.inputs.items()}
    for name, why in coverage.owned().items():
        may_be = _WHAT_AN_OWNER_MEANS.get(why.partition(":")[0], set(Change))
        assert declared[name].change in may_be, f"{name}: {why}"


#: calls that name the parameter and change something else
_OTHERWISE = {
    "ec2.security_group.description": {  # that of a rule in it
        *("UpdateSecurityGroupRuleDescriptionsEgress", "UpdateSecurityGroupRuleDescriptionsIngress"),
    },
    "ec2.security_group.vpc_id": {"AssociateSecurityGroupVpc"},  # one more VPC that may use it
    "ec2.security_group_rule.group_id": {  # whose rule it is
        *("AssociateSecurityGroupVpc", "ModifySecurityGroupRules"),
        *("UpdateSecurityGroupRuleDescriptionsEgress", "UpdateSecurityGroupRuleDescriptionsIngress"),
    },
    "ec2.vpc.cidr": {"AssociateVpcCidrBlock"},  # a second range beside it
    "eks.node_group.template_id": {"UpdateNodegroupVersion"},  # another version of the same template
    "eks.access_entry.principal": {"AssociateAccessPolicy", "UpdateAccessEntry"},  # whose entry it is
}
_CHANGING = ("Modify", "Update", "Put", "Replace", "Set", "Associate")


def test_of_what_aws_keeps_no_call_of_its_api_changes_it() -> None:
    """Read from the API models that botocore carries: an owner that is only claimed shows here."""
    for name, why in coverage.owned().items():
        kind, _, one = name.rpartition(".")
        api = parameter(kind, one) if kind in OF_AWS else ""
        if why.startswith("AWS") and api:
            assert _callers(kind, api.partition(".")[0]) <= _OTHERWISE.get(name, set()), name


def _callers(kind: str, parameter: str) -> set[str]:
    """The operations that change something of this kind and take this parameter."""
    service, _, noun = kind.replace("_", "").partition(".")
    model = _model(service)
    found = (one for one in model.operation_names if one.startswith(_CHANGING) and noun[:6] in one.lower())
    return {one for one in found if parameter in set(members(model.operation_model(one).input_shape))}


@functools.cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)
