"""The cluster through the real engine: made, changed, protected and gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.kinds.eks.cluster import CREATOR, Cluster
from livekit_deploy.aws.kinds.keys import Key
from livekit_deploy.engine.plan import UNKNOWN, Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import NotOurs
from tests.aws.eks.clusters import NAME, OPEN, ROLE, access, addon, cluster
from tests.aws.rig import AwsRig


def described() -> dict[str, Any]:
    return dict(boto3.client("eks").describe_cluster(name=NAME)["cluster"])


# ---- the control plane


def test_a_cluster_is_made_without_the_defaults_that_bite(rig: AwsRig, subnets: list[str]) -> None:
    rig.up([cluster(subnets, public_cidrs=["203.0.113.0/24"], deletion_protection=True)])
    made = described()
    assert made["accessConfig"]["authenticationMode"] == "API"
    assert made["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] is False
    assert made["upgradePolicy"] == {"supportType": "STANDARD"}
    assert made["deletionProtection"] is True
    assert made["resourcesVpcConfig"]["endpointPrivateAccess"] is True
    assert made["resourcesVpcConfig"]["publicAccessCidrs"] == ["203.0.113.0/24"]
    assert made["tags"]["livekit-deploy:address"] == "eks.cluster/main"
    assert rig.plan([cluster(subnets, public_cidrs=["203.0.113.0/24"], deletion_protection=True)]).changes == ()
    outputs = rig.outputs("eks.cluster/main")
    assert outputs["name"] == NAME
    assert outputs["issuer"].startswith("https://")
    assert outputs["security_group_id"].startswith("sg-")
    assert outputs["creator"] == made["tags"][CREATOR]


def test_each_kind_of_change_is_a_call_of_its_own(rig: AwsRig, subnets: list[str]) -> None:
    rig.up([cluster(subnets)])
    rig.calls()
    wanted = {
        "public_cidrs": ["203.0.113.0/24"],
        "logs": ["scheduler"],
        "deletion_protection": True,
        "private_access": False,
        "version": "1.37",
    }
    changed = cluster(subnets, **wanted)
    changed.subnet_ids = subnets[:3]
    rig.up([changed])
    assert rig.calls() == ["UpdateClusterConfig"] * 4 + ["UpdateClusterVersion"]
    made = described()
    assert made["version"] == "1.37"
    assert made["resourcesVpcConfig"]["publicAccessCidrs"] == ["203.0.113.0/24"]
    assert made["resourcesVpcConfig"]["endpointPrivateAccess"] is False
    assert sorted(made["resourcesVpcConfig"]["subnetIds"]) == subnets[:3]
    assert rig.plan([changed]).changes == ()


def test_a_closed_public_endpoint(rig: AwsRig, subnets: list[str]) -> None:
    rig.up([cluster(subnets)])
    rig.up([cluster(subnets, public_cidrs=[])])
    assert described()["resourcesVpcConfig"]["endpointPublicAccess"] is False
    assert rig.plan([cluster(subnets, public_cidrs=[])]).changes == ()


@pytest.mark.parametrize(
    ("before", "after", "hint"),
    [("1.35", "1.37", 'set "1.36" first'), ("1.36", "1.35", 'set cluster.version to "1.36"')],
)
def test_versions_go_up_one_by_one(rig: AwsRig, subnets: list[str], before: str, after: str, hint: str) -> None:
    rig.up([cluster(subnets, version=before)])
    (change,) = rig.plan([cluster(subnets, version=after)]).changes
    assert change.action is Action.BLOCKED
    assert hint in change.hint


def test_what_eks_fixes_at_creation_is_refused(rig: AwsRig, subnets: list[str]) -> None:
    rig.up([cluster(subnets)])
    other = Cluster("main", role_arn=ROLE + "2", subnet_ids=subnets[:2], version="1.36", public_cidrs=OPEN)
    assert rig.plan([other]).changes[0].action is Action.BLOCKED


def test_a_cluster_gets_a_key_while_it_runs_and_keeps_it(rig: AwsRig, subnets: list[str]) -> None:
    """The key is made in the same run; the plan says that there is no way back, and another key is refused by it."""

    def keyed(name: str) -> list[Resource]:
        key = Key(name, description="d")
        return [key, cluster(subnets, key_arn=key.arn)]

    rig.up([cluster(subnets)])
    made, change = rig.plan(keyed("one")).changes
    assert (made.action, change.action) == (Action.CREATE, Action.UPDATE)
    assert [(diff.path, diff.before, diff.after) for diff in change.diffs] == [("key_arn", None, UNKNOWN)]
    assert "cannot take the key away" in change.hint
    rig.calls()
    rig.up(keyed("one"))
    assert rig.calls() == ["CreateKey", "EnableKeyRotation", "AssociateEncryptionConfig"]
    rig.up(keyed("one"))
    assert rig.calls() == []

    for other in (keyed("two"), [cluster(subnets)]):
        (refused,) = rig.plan(other).blocked
        assert refused.address == "eks.cluster/main"
        assert "keeps the key" in refused.hint


def test_a_protected_cluster_is_first_unprotected_then_deleted(rig: AwsRig, subnets: list[str]) -> None:
    rig.up([cluster(subnets, deletion_protection=True)])
    rig.calls()
    rig.down()
    assert rig.calls() == ["UpdateClusterConfig", "DeleteCluster"]
    assert boto3.client("eks").list_clusters()["clusters"] == []


def test_a_cluster_of_another_environment_is_not_touched(rig: AwsRig, subnets: list[str], tmp_path: Path) -> None:
    AwsRig(tmp_path / "other").up([cluster(subnets)])
    with pytest.raises(NotOurs, match=NAME):
        rig.plan([cluster(subnets)])


def test_children_go_with_their_cluster_without_a_call_each(rig: AwsRig, subnets: list[str]) -> None:
    rig.up([*access(subnets), *addon(subnets)[1:]][:2])
    rig.calls()
    rig.down()
    assert rig.calls() == ["DeleteCluster"]
