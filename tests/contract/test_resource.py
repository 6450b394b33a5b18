"""One lifecycle for every kind, found by the registry: the five laws, and what each input's class promises."""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

import livekit_deploy.stack  # noqa: F401  (imports every kind)
from livekit_deploy.aws.access.cloud import mutates
from livekit_deploy.engine.inputs import Change
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Observed, Resource
from livekit_deploy.errors import Blocked
from livekit_deploy.state.document import Phase
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES, tried
from tests.contract.kinds.case import ZONE, Base, Case, closure
from tests.kinds import kinds

_IN_THE_CLUSTER = {"k8s.namespace", "k8s.secret", "helm.release", "barrier.calls_drained"}
_BY_KIND = [pytest.param(case, id=case.kind.kind) for case in CASES]
_MADE_BY_OTHERS = {"elbv2.load_balancer"}


#: the phases of which one must be on record, in the store, before a verb is asked for its call
_INTENTS = {"create": {Phase.CREATING}, "update": {Phase.UPDATING, Phase.MADE}, "delete": {Phase.DELETING}}


class Verbs:
    """Counts the mutating calls of each verb in the thread that runs it, and looks for the intent behind it."""

    def __init__(self, rig: AwsRig, monkeypatch: pytest.MonkeyPatch) -> None:
        self._local, self.most = threading.local(), Counter[str]()
        self._rig, self.unannounced = rig, set[str]()
        note = rig._note

        def noted(model: Any, **more: Any) -> None:
            note(model, **more)
            if mutates(model.name):
                self._local.count = getattr(self._local, "count", 0) + 1

        rig._note = noted  # type: ignore[method-assign]
        for case in CASES:
            for verb in ("create", "update", "delete"):
                if verb in vars(case.kind):
                    monkeypatch.setattr(case.kind, verb, self._counted(case.kind, verb, vars(case.kind)[verb]))

    def _counted(self, kind: type[Resource], verb: str, original: Any) -> Any:
        @functools.wraps(original)
        def counted(*args: Any, **more: Any) -> Any:
            record = self._rig.records.get(args[0].address)
            if record is None or record.phase not in _INTENTS[verb]:
                self.unannounced.add(f"{kind.kind}.{verb}")
            self._local.count = 0
            try:
                return original(*args, **more)
            finally:
                name = f"{kind.kind}.{verb}"
                self.most[name] = max(self.most[name], self._local.count)

        return counted


@pytest.fixture
def zone(aws: None) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")


@pytest.fixture
def verbs(rig: AwsRig, zone: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Verbs]:
    found = Verbs(rig, monkeypatch)
    yield found
    assert {name: count for name, count in found.most.items() if count > 1} == {}, "law 1: one mutating call a verb"
    assert found.unannounced == set(), "no effect without a recorded intent"


def built(case: Case, changed: str | None = None, *, also: str | None = None) -> tuple[Resource, list[Resource]]:
    """The subject, and everything that is to stand; ``also`` is an input whose other value's needs stand too."""
    base = Base()
    subject = case.changed(base, changed) if changed else case.make(base)
    needs = case.changed(base, also).dependencies() if also is not None else []
    return subject, closure(subject, *needs)


def test_every_kind_has_a_case() -> None:
    covered = {case.kind.kind for case in CASES}
    known = {name for name, kind in kinds().items() if kind.__module__.startswith("livekit_deploy.")}
    assert known - covered == _IN_THE_CLUSTER


@pytest.mark.parametrize("case", _BY_KIND)
def test_every_input_is_tried(case: Case) -> None:
    assert {*case.changes, *case.exempt} == set(case.kind.inputs)


@pytest.mark.parametrize("case", _BY_KIND)
def test_every_fixed_input_says_the_way_out(case: Case) -> None:
    fixed = {name: item.way_out for name, item in case.kind.inputs.items() if item.change is Change.FIXED}
    assert all(fixed.values()), fixed


@pytest.mark.parametrize("case", [one for one in _BY_KIND if one.id not in _MADE_BY_OTHERS])
def test_the_life_of_a_resource(case: Case, rig: AwsRig, verbs: Verbs) -> None:
    subject, everything = built(case)
    assert {change.action for change in rig.plan(everything).changes} == {Action.CREATE}, "law 3: read before anything"
    rig.up(everything)
    assert rig.records[subject.address].phase.value == "ready"
    assert rig.plan(built(case)[1]).changes == (), "law 5: the second run has nothing to do"
    rig.calls()
    rig.up(built(case)[1])
    assert rig.calls() == [], "law 5: the second run makes no call"
    rig.down()
    assert rig.records == {}
    rig.calls()
    rig.down()
    assert rig.calls() == []


@pytest.mark.parametrize(
    ("case", "name"), [pytest.param(case, name, id=f"{case.kind.kind}.{name}") for case, name in tried()]
)
def test_a_changed_input_does_what_its_class_says(case: Case, name: str, rig: AwsRig, verbs: Verbs) -> None:
    before, everything = built(case, also=name)
    rig.up(everything)
    after, changed = built(case, name, also=name)
    plan = rig.plan(changed)
    actions = {change.address: change for change in plan.changes}
    rig.calls()
    kind = case.kind.inputs[name].change
    if kind is Change.FIXED:
        assert actions[after.address].action is Action.BLOCKED
        assert actions[after.address].hint
        with pytest.raises(Blocked):
            rig.up(changed)
        assert rig.calls() == []
        return
    if kind is Change.IMMUTABLE:
        assert after.address != before.address
        assert actions[after.address].action is Action.CREATE
        assert actions[before.address].action is Action.DELETE
    else:
        assert actions[after.address].action is Action.UPDATE
        assert any(diff.path.split(".")[0] == name for diff in actions[after.address].diffs)
    rig.up(changed)
    assert rig.plan(built(case, name, also=name)[1]).changes == ()
    assert after.address in rig.records
    if kind is Change.IMMUTABLE and not issubclass(case.kind, Observed):
        assert before.address not in rig.records
    rig.down()
    assert rig.records == {}
