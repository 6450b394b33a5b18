"""The cluster, who may use it, its add-ons and nodes."""

from __future__ import annotations

from typing import Any

from livekit_deploy.aws.kinds.ec2.launch_templates import LaunchTemplate
from livekit_deploy.aws.kinds.eks.access_entries import AccessEntry
from livekit_deploy.aws.kinds.eks.addons import Addon
from livekit_deploy.aws.kinds.eks.cluster import Cluster
from livekit_deploy.aws.kinds.eks.node_groups import NodeGroup
from livekit_deploy.engine.resource import Resource
from tests.contract import out_of_band
from tests.contract.kinds.case import Base, Case, in_cluster, literal, made
from tests.contract.out_of_band import Drift


def _node_group(base: Base, **changed: Any) -> Resource:
    cluster = base.cluster()
    values: dict[str, Any] = {
        "role": "media",
        "instance_types": ["c6i.large"],
        "ami": "AL2023_x86_64_STANDARD",
        "node_role_arn": base.role("node").arn,
        "subnet_ids": [base.subnet("a").id],
        "template_id": base.template().id,
        "template_version": base.template().version,
        "version": "1.35",
        "min": 1,
        "max": 2,
        "desired_size": 1,
        **changed,
    }
    return NodeGroup("media", lives_in=cluster, **values)


CASES = [
    Case(
        Cluster,
        lambda base, **changed: base.new_cluster(**{"version": "1.35", **changed}),
        {
            "role_arn": lambda b: b.role("other").arn,
            "subnet_ids": lambda b: [b.subnet("a").id, b.subnet("b").id, b.subnet("c").id],
            "zones": literal(["us-east-1c"]),
            "version": literal("1.36"),
            "public_cidrs": literal(["203.0.113.0/24"]),
            "private_access": literal(False),
            "logs": literal(["api"]),
            "key_arn": lambda b: b.key().arn,
            "deletion_protection": literal(True),
        },
        drifts={
            "subnet_ids": Drift(
                out_of_band.fewer_subnets,
                {"subnet_ids": lambda b: [b.subnet("a").id, b.subnet("b").id, b.subnet("c").id]},
            ),
            "version": Drift(out_of_band.call("eks", "update_cluster_version", "name", version="1.36"), blocked=True),
            "public_cidrs": Drift(
                out_of_band.cluster(resourcesVpcConfig={"publicAccessCidrs": [out_of_band.EVERYWHERE]}),
            ),
            "private_access": Drift(out_of_band.cluster(resourcesVpcConfig={"endpointPrivateAccess": False})),
            "logs": Drift(out_of_band.cluster(logging={"clusterLogging": [{"types": ["api"], "enabled": True}]})),
            "key_arn": Drift(out_of_band.encrypt, blocked=True),
            "deletion_protection": Drift(out_of_band.cluster(deletionProtection=True)),
        },
        owned={"role_arn": "AWS: a cluster keeps it", "zones": "write-only: EKS tells of subnets, not of zones"},
    ),
    Case(
        AccessEntry,
        in_cluster(AccessEntry, "admin"),
        {
            "principal": lambda b: b.another_role("platform"),
            "policies": literal(["AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"]),
        },
        {"groups": "always none: what others put it into", "username": "always EKS's own"},
        drifts={
            "policies": Drift(out_of_band.access_policy("disassociate_access_policy", "AmazonEKSClusterAdminPolicy")),
            "groups": Drift(out_of_band.access_entry(kubernetesGroups=["theirs"])),
            "username": Drift(out_of_band.access_entry(username="theirs")),
        },
        owned={"principal": "AWS: an entry keeps it"},
    ),
    Case(
        Addon,
        in_cluster(Addon, "vpc-cni"),
        {
            "version": literal("v1.20.4"),
            "configuration": literal({"env": {"A": "b"}}),
            "role_arn": lambda b: b.another_role("cni"),
        },
        drifts={
            "version": Drift(out_of_band.addon(addonVersion="v1.20.4-eksbuild.2"), {"version": literal("v1.21")}),
            "configuration": Drift(out_of_band.addon(configurationValues='{"env": {"A": "theirs"}}')),
            "role_arn": Drift(out_of_band.addon_with_a_role),
        },
        silent={"a version that the file leaves to AWS": out_of_band.addon(addonVersion="v1.20.4-eksbuild.2")},
    ),
    Case(
        LaunchTemplate,
        made(LaunchTemplate, "x", security_group_ids=lambda b: [b.group().id], disk_gib=literal(50)),
        {
            "security_group_ids": lambda b: [b.group().id, b.group("other").id],
            "disk_gib": literal(80),
            "root_device": literal("/dev/xvdb"),
        },
        {"other_settings": "always none: what somebody else's version says"},
        drifts={
            "other_settings": Drift(out_of_band.template(other={"MetadataOptions": {"HttpTokens": "optional"}})),
            "security_group_ids": Drift(out_of_band.template_without_groups),
            "disk_gib": Drift(out_of_band.template(size=8)),
            "root_device": Drift(out_of_band.template(device="/dev/xvdz")),
        },
    ),
    Case(
        NodeGroup,
        _node_group,
        {
            "role": literal("other"),
            "instance_types": literal(["c6i.xlarge"]),
            "capacity": literal("SPOT"),
            "ami": literal("BOTTLEROCKET_x86_64"),
            "node_role_arn": lambda b: b.role("other").arn,
            "subnet_ids": lambda b: [b.subnet("b").id],
            "template_id": lambda b: b.template("other").id,
            "version": literal("1.36"),
            "min": literal(2),
            "max": literal(5),
            "desired_size": literal(2),
            "surge": literal(2),
        },
        {"template_version": "follows the template: test_nodes.py"},
        drifts={
            "role": Drift(
                out_of_band.nodes(
                    "update_nodegroup_config", labels={"addOrUpdateLabels": {"livekit-deploy/group": "theirs"}}
                )
            ),
            "template_version": Drift(out_of_band.other_template_version, {"template_version": literal("1")}),
            "version": Drift(out_of_band.nodes("update_nodegroup_version", version="1.36"), blocked=True),
            "min": Drift(out_of_band.nodes("update_nodegroup_config", scalingConfig={"minSize": 0})),
            "max": Drift(out_of_band.nodes("update_nodegroup_config", scalingConfig={"maxSize": 9})),
            "surge": Drift(out_of_band.nodes("update_nodegroup_config", updateConfig={"maxUnavailable": 2})),
        },
        owned={
            "desired_size": "autoscaler",
            **dict.fromkeys(
                ("instance_types", "capacity", "ami", "node_role_arn", "subnet_ids", "template_id"),
                "AWS: a node group keeps it",
            ),
        },
        silent={
            "a newer image of the same version": out_of_band.nodes(
                "update_nodegroup_version", releaseVersion="1.35.9-20261124"
            ),
            "an autoscaler's size": out_of_band.nodes("update_nodegroup_config", scalingConfig={"desiredSize": 2}),
        },
    ),
]
