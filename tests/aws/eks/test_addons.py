"""The cluster's add-ons: their versions, configuration, rights and states."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.access.tags import ENV, LINEAGE, PROJECT
from livekit_deploy.aws.kinds.eks.addons import Addon
from livekit_deploy.aws.kinds.named import NOWHERE
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Status
from livekit_deploy.errors import ResourceError
from tests.aws.eks.clusters import NAME, ROLE, addon, principal
from tests.aws.rig import AwsRig


def addon_described(name: str = "vpc-cni") -> dict[str, Any]:
    return dict(boto3.client("eks").describe_addon(clusterName=NAME, addonName=name)["addon"])


def test_a_version_left_to_aws_is_kept_and_one_that_is_given_is_compared_in_part(
    rig: AwsRig, subnets: list[str]
) -> None:
    rig.up(addon(subnets))
    version = addon_described()["addonVersion"]
    assert rig.plan(addon(subnets)).changes == ()
    assert rig.plan(addon(subnets, version=version.partition("-")[0])).changes == ()
    (change,) = rig.plan(addon(subnets, version="v0.1")).changes
    assert (change.action, version in change.hint) == (Action.BLOCKED, True)
    with pytest.raises(ResourceError, match=r"vpc-cni has no version v0\.1 for Kubernetes 1\.36"):
        rig.up(addon(subnets, version="v0.1"))


@pytest.mark.parametrize(
    ("name", "version", "said", "remedy"),
    [
        ("aws-ebs-csi-drivr", None, "EKS has no add-on aws-ebs-csi-drivr for Kubernetes 1.36", "aws-ebs-csi-driver?"),
        ("nothing-like-it", None, "EKS has no add-on nothing-like-it", "cluster.addons takes aws-ebs-csi-driver, "),
        ("coredns", "v1.99", "coredns has no version v1.99 for Kubernetes 1.36", "one of v1.12.4-eksbuild.1, "),
    ],
)
def test_an_add_on_that_eks_does_not_offer_is_known_before_there_is_a_cluster(
    rig: AwsRig, subnets: list[str], name: str, version: str | None, said: str, remedy: str
) -> None:
    (blocked,) = rig.plan(addon(subnets, name, version=version)).blocked
    assert blocked.address == f"eks.addon/{name}"
    assert said in blocked.reason
    assert remedy in blocked.hint
    assert rig.plan(addon(subnets, "coredns", version="v1.12")).blocked == ()


def test_an_add_on_that_needs_rights_gets_a_role_or_is_told_to_lack_one(rig: AwsRig, subnets: list[str]) -> None:
    """Advice, since nodes may have the rights; not for the network plugin, which has them from ours."""
    (_, made) = rig.plan(addon(subnets, "aws-ebs-csi-driver")).changes
    assert (made.action, "cluster.addons.aws-ebs-csi-driver.role" in made.hint) == (Action.CREATE, True)
    assert [one.hint for one in rig.plan(addon(subnets, "vpc-cni")).changes] == ["", ""]
    (blocked,) = rig.plan(addon(subnets, "aws-ebs-csi-driver", role_arn=ROLE + "2")).blocked
    assert "IAM has no role livekit-uat-cluster2" in blocked.reason
    role = principal("ebs-csi")
    wanted = {"name": "kube-proxy", "role_arn": role}
    rig.up(addon(subnets, **wanted))
    assert addon_described("kube-proxy")["serviceAccountRoleArn"] == role
    assert rig.plan(addon(subnets, **wanted)).changes == ()
    rig.up(addon(subnets, "kube-proxy"))
    assert addon_described("kube-proxy").get("serviceAccountRoleArn") is None


def test_configuration_is_compared_by_meaning_and_updated(rig: AwsRig, subnets: list[str]) -> None:
    rig.up(addon(subnets, configuration={"replicaCount": 3, "x": {"y": 1}}))
    assert rig.plan(addon(subnets, configuration={"x": {"y": 1}, "replicaCount": 3})).changes == ()
    assert rig.diffs(addon(subnets, configuration={"replicaCount": 2, "x": {"y": 1}})) == {
        "configuration.replicaCount": (3, 2)
    }
    rig.up(addon(subnets))
    assert rig.plan(addon(subnets)).changes == ()


@pytest.mark.parametrize(
    ("status", "code", "want"),
    [
        ("CREATING", "", Status.PENDING),
        ("DEGRADED", "InsufficientNumberOfReplicas", Status.READY),
        ("DEGRADED", "ConfigurationConflict", Status.READY),
        ("CREATE_FAILED", "AccessDenied", Status.FAILED),
        ("UPDATE_FAILED", "ConfigurationConflict", Status.READY),
        ("DELETE_FAILED", "InternalFailure", Status.STUCK),
        ("DELETING", "", Status.DELETING),
    ],
)
def test_what_the_states_of_an_addon_mean(status: str, code: str, want: Status, rig: AwsRig) -> None:
    issues = [{"code": code, "message": "why"}] if code else []
    said = {
        "addonName": "vpc-cni",
        "addonArn": "a",
        "addonVersion": "v1",
        "status": status,
        "health": {"issues": issues},
    }
    live = Addon.live(rig.cloud, NOWHERE, said)
    assert live.status is want
    assert not code or f"{code}: why" in (live.warning or live.detail)


@pytest.mark.parametrize(
    "given", [{}, {"controller": {"extraVolumeTags": {"team": "media"}, "loggingFormat": "json"}, "node": {}}]
)
def test_the_ebs_driver_gives_volumes_our_marks_and_that_never_shows(rig: AwsRig, given: dict[str, Any]) -> None:
    rig._session().release()
    born_with = {PROJECT: "livekit", ENV: "uat", LINEAGE: rig.cloud.ownership.lineage}
    told = Addon("aws-ebs-csi-driver", configuration=given)._configured(rig.cloud)
    own = given.get("controller", {}).get("extraVolumeTags", {})
    assert told["controller"]["extraVolumeTags"] == {**own, **born_with}
    said = {"addonName": "aws-ebs-csi-driver", "addonArn": "a", "status": "ACTIVE"}
    seen = Addon.live(rig.cloud, NOWHERE, {**said, "addonVersion": "v1", "configurationValues": json.dumps(told)})
    assert seen.props["configuration"] == given
