"""A document that claims the lineage of another environment: for every kind, nothing of that environment is ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from livekit_deploy.aws.access.tags import ADDRESS, ENV, LINEAGE, PROJECT, OwnershipTags
from livekit_deploy.engine.resource import Observed
from livekit_deploy.engine.snapshot import Snapshot
from livekit_deploy.operations.leftovers import leftovers
from livekit_deploy.stack import KINDS as PRODUCT
from livekit_deploy.state.lease import lease_of
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, Case, closure

MADE = [pytest.param(case, id=case.kind.kind) for case in CASES if not issubclass(case.kind, Observed)]


@pytest.fixture(autouse=True)
def zone(aws: None) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")


@pytest.mark.parametrize("case", MADE)
def test_the_lineage_of_another_environment_gives_nothing_of_it(case: Case, rig: AwsRig, tmp_path: Path) -> None:
    """``uat`` is up; a document of ``prod`` is written by hand, with the lineage of ``uat`` and nothing recorded."""
    rig.up(closure(case.make(Base())))
    records = rig.records
    found = lease_of(rig._store)
    assert found is not None
    other = AwsRig(tmp_path / "theirs", "prod")
    other.cloud = other.cloud.with_lineage(found[0].lineage)
    rig.calls()

    snapshot = Snapshot(other.cloud.remembering())
    snapshot.scan(PRODUCT.values())
    assert snapshot.untracked({}) == []
    assert leftovers(other.cloud) == ([], [])
    assert rig.records == records
    assert other.calls() == rig.calls() == []


@pytest.mark.parametrize("missing", [PROJECT, ENV, LINEAGE])
def test_ours_is_what_carries_the_project_the_environment_and_the_lineage(missing: str) -> None:
    marks = OwnershipTags("livekit", "uat", "one")
    whole = marks.own("ec2.vpc/main")
    assert marks.ours(whole)
    assert not marks.others(whole)
    without = {key: value for key, value in whole.items() if key != missing}
    assert not marks.ours(without)
    assert not marks.others(without), "marks that were taken off are nobody's"
    changed = {**whole, missing: "theirs"}
    assert not marks.ours(changed)
    assert marks.others(changed)
    assert marks.ours({**whole, ADDRESS: "another"})
    assert not replace(marks, lineage=None).ours(whole)
