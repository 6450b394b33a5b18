"""The cluster, who may use it, and its add-ons, through the real engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.access.tags import ENV, LINEAGE, PROJECT
from livekit_deploy.aws.kinds.eks.access_entries import AccessEntry
from livekit_deploy.aws.kinds.eks.addons import Addon
from livekit_deploy.aws.kinds.eks.cluster import CREATOR, Cluster
from livekit_deploy.aws.kinds.keys import Key
from livekit_deploy.aws.kinds.named import NOWHERE
from livekit_deploy.engine.plan import UNKNOWN, Action
from livekit_deploy.engine.resource import Resource, Status
from livekit_deploy.errors import NotOurs, ResourceError
from tests.aws.rig import AwsRig
from tests.aws.test_iam import CLUSTER_TRUST

ROLE = "arn:aws:iam::123456789012:role/livekit-uat-cluster"
NAME = "livekit-uat-main"
TRUST = json.dumps(CLUSTER_TRUST)
OPEN = ["0.0.0.0/0"]


@pytest.fixture
def subnets(aws: None) -> list[str]:
    found = boto3.client("ec2").describe_subnets()["Subnets"]
    return sorted(item["SubnetId"] for item in found if item["AvailabilityZone"] != "us-east-1e")  # EKS takes no such


@pytest.fixture(autouse=True)
def role(aws: None) -> None:
    boto3.client("iam").create_role(RoleName="livekit-uat-cluster", AssumeRolePolicyDocument=TRUST)


def cluster(subnets: list[str], **more: Any) -> Cluster:
    values: dict[str, Any] = {"version": "1.36", "public_cidrs": OPEN, "logs": ["api", "audit"], **more}
    return Cluster("main", role_arn=ROLE, subnet_ids=subnets[:2], **values)


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


# ---- access


def principal(name: str) -> str:
    return str(boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"])


def entries() -> dict[str, list[str]]:
    eks = boto3.client("eks")
    found = {}
    for arn in eks.list_access_entries(clusterName=NAME)["accessEntries"]:
        policies = eks.list_associated_access_policies(clusterName=NAME, principalArn=arn)["associatedAccessPolicies"]
        found[arn] = sorted(item["policyArn"].rpartition("/")[2] for item in policies)
    return found


def access(
    subnets: list[str], *admins: str, policies: tuple[str, ...] = ("AmazonEKSClusterAdminPolicy",)
) -> list[Resource]:
    host = cluster(subnets)
    maker = AccessEntry("creator", lives_in=host)
    others = [
        AccessEntry(arn.rpartition("/")[2], principal=arn, policies=policies, lives_in=host, after=[maker])
        for arn in admins
    ]
    return [host, maker, *others]


def test_admins_and_whoever_made_the_cluster_have_access(rig: AwsRig, subnets: list[str]) -> None:
    platform = principal("platform")
    rig.up(access(subnets, platform))
    maker = rig.outputs("eks.cluster/main")["creator"]
    assert entries() == {maker: ["AmazonEKSClusterAdminPolicy"], platform: ["AmazonEKSClusterAdminPolicy"]}
    assert rig.plan(access(subnets, platform)).changes == ()


def test_policies_of_an_entry_change_one_by_one(rig: AwsRig, subnets: list[str]) -> None:
    platform = principal("platform")
    rig.up(access(subnets, platform))
    rig.calls()
    wanted = access(subnets, platform, policies=("AmazonEKSAdminPolicy", "AmazonEKSViewPolicy"))
    rig.up(wanted)
    assert entries()[platform] == ["AmazonEKSAdminPolicy", "AmazonEKSViewPolicy"]
    assert rig.calls() == ["AssociateAccessPolicy", "AssociateAccessPolicy", "DisassociateAccessPolicy"]
    assert rig.plan(wanted).changes == ()


def test_an_admin_who_made_the_cluster_keeps_the_one_entry_throughout(rig: AwsRig, subnets: list[str]) -> None:
    rig.up(access(subnets))
    maker = rig.outputs("eks.cluster/main")["creator"]
    rig.calls()
    rig.up(access(subnets, maker))  # named as an admin as well
    assert rig.calls() == ["TagResource"]
    assert rig.plan(access(subnets, maker)).changes == ()
    rig.up(access(subnets))  # and no longer
    assert rig.calls() == ["TagResource"]
    assert list(entries()) == [maker]
    assert rig.plan(access(subnets)).changes == ()


def test_an_admin_who_leaves_loses_access(rig: AwsRig, subnets: list[str]) -> None:
    platform = principal("platform")
    rig.up(access(subnets, platform))
    rig.up(access(subnets))
    assert platform not in entries()


def test_an_entry_that_somebody_else_made_is_not_touched(rig: AwsRig, subnets: list[str]) -> None:
    platform = principal("platform")
    rig.up(access(subnets))
    boto3.client("eks").create_access_entry(clusterName=NAME, principalArn=platform)
    with pytest.raises(NotOurs, match="platform"):
        rig.plan(access(subnets, platform))


# ---- add-ons


def addon(subnets: list[str], name: str = "vpc-cni", **more: Any) -> list[Resource]:
    host = cluster(subnets)
    return [host, Addon(name, lives_in=host, **more)]


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


_SSO = "aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Admin_0123456789abcdef"


@pytest.mark.parametrize(
    ("arn", "said", "remedy"),
    [
        (f"role/{_SSO}", "", ""),
        (f"role/{_SSO.rpartition('/')[2]}", "is not the whole ARN", f"write arn:aws:iam::123456789012:role/{_SSO} in"),
        ("role/nobody", "IAM has no role nobody", "cluster.admins"),
        ("user/ada", "", ""),
        ("user/ops/ada", "is not the whole ARN", "write arn:aws:iam::123456789012:user/ada in"),
        ("user/bob", "IAM has no user bob", "cluster.admins"),
    ],
)
def test_an_admin_that_eks_would_not_take_is_known_before_there_is_a_cluster(
    rig: AwsRig, subnets: list[str], arn: str, said: str, remedy: str
) -> None:
    """Also by EKS itself, which refuses what the plan does."""
    iam, (*path, name) = boto3.client("iam"), _SSO.split("/")
    iam.create_role(RoleName=name, Path=f"/{'/'.join(path)}/", AssumeRolePolicyDocument=TRUST)
    iam.create_user(UserName="ada")
    principal = f"arn:aws:iam::123456789012:{arn}"
    blocked = rig.plan(access(subnets, principal)).blocked
    assert [said in one.reason and remedy in one.hint for one in blocked] == ([True] if said else [])
    rig.up(access(subnets))
    eks = boto3.client("eks")
    if said:
        with pytest.raises(eks.exceptions.InvalidParameterException, match="invalid principal"):
            eks.create_access_entry(clusterName=NAME, principalArn=principal)
    else:
        rig.up(access(subnets, principal))
        assert principal in entries()


def test_an_admin_of_another_account_is_eks_own_affair(rig: AwsRig, subnets: list[str]) -> None:
    assert rig.plan(access(subnets, "arn:aws:iam::210987654321:role/partner")).blocked == ()


def test_configuration_is_compared_by_meaning_and_updated(rig: AwsRig, subnets: list[str]) -> None:
    rig.up(addon(subnets, configuration={"replicaCount": 3, "x": {"y": 1}}))
    assert rig.plan(addon(subnets, configuration={"x": {"y": 1}, "replicaCount": 3})).changes == ()
    assert rig.diffs(addon(subnets, configuration={"replicaCount": 2, "x": {"y": 1}})) == {
        "configuration.replicaCount": (3, 2)
    }
    rig.up(addon(subnets))
    assert rig.plan(addon(subnets)).changes == ()


def test_children_go_with_their_cluster_without_a_call_each(rig: AwsRig, subnets: list[str]) -> None:
    rig.up([*access(subnets), *addon(subnets)[1:]][:2])
    rig.calls()
    rig.down()
    assert rig.calls() == ["DeleteCluster"]


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
