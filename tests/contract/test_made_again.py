"""Of every kind: what is made under the id of one that has gone is told from it, or its id is never used again.

A deletion that is asked for again goes by what was seen: by its id alone it would hit what somebody has made since.
"""

from __future__ import annotations

import boto3
import pytest

import livekit_deploy.stack  # noqa: F401  (imports every kind)
from livekit_deploy.engine.live import Live
from livekit_deploy.engine.resource import Observed
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, Case, closure

#: kinds of which AWS tells nothing by which two of the same id differ, each with what makes that harmless
UNTOLD = {
    "logs.log_group": "EKS makes the cluster's again by itself, and that one has to go as well",
    "elasticache.parameter_group": "it holds settings only, and one that a group uses cannot be deleted",
    "elasticache.subnet_group": "it holds nothing, and one that a group uses cannot be deleted",
    "route53.record": "it is deleted with the values that were seen: one of other values stays",
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.kind.kind) for case in CASES if not issubclass(case.kind, Observed)]
)
def test_what_is_made_again_under_the_same_id_is_told_from_what_was_there(case: Case, rig: AwsRig) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    seen: list[Live] = []
    for _ in range(2):
        item = case.make(Base())
        for _ in range(2):
            live = rig.executed(closure(item))._lives[item.address]
            assert live is not None
            seen.append(live)
        rig.down()
    first, same, later, _ = seen
    assert (first.id, first.made) == (same.id, same.made), "it stays the same as long as the object is there"
    if case.kind.kind in UNTOLD:
        assert not first.made, "it is told by now: take the kind off the list"
    else:
        assert first.id != later.id or "" != first.made != later.made
