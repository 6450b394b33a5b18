"""Managed node groups: the instances that carry LiveKit and the rest, joined to the cluster by EKS.

What cannot be changed in place is part of the name: a new group is made first, and the old one goes last. The size
that an autoscaler may own is applied when the file changes it, and never compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.diagnosis import NODE_ADDRESSES, cause_and_remedy, subnets_cut_off, subnets_short
from livekit_deploy.aws.kinds.ec2.foreign_groups import on_nodes
from livekit_deploy.aws.kinds.eks.cluster import NEW_ROLE, as_it_runs, in_use_means_conflict, minor, version_differs
from livekit_deploy.aws.kinds.eks.issues import NODE_GROUP_ISSUE, health
from livekit_deploy.aws.kinds.eks.resource import InCluster
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.aws.kinds.states import NODE_GROUP
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output
from livekit_deploy.engine.resource import MINUTE, Live, Status

GROUP_LABEL = "livekit-deploy/group"


class NodeGroup(InCluster):
    """A managed node group; the nodes are labelled ``livekit-deploy/group`` with the name given by ``role``.

    ``version`` is the Kubernetes version (``1.36``); ``desired`` is applied once. ``surge`` is how many nodes may be
    replaced at a time. Source: EKS API reference, CreateNodegroup, UpdateNodegroupConfig, UpdateNodegroupVersion.
    """

    kind = "eks.node_group"
    what, longest = "the node group", 63
    timeout, delete_timeout = 40 * MINUTE, 30 * MINUTE
    usual, usual_delete = 150.0, 4 * MINUTE
    exports = {"group_name": "node_group.{name}"}
    propagation = {"InvalidParameterException": (*NEW_ROLE, "role"), "InvalidRequestException": NEW_ROLE}

    role: Input[str] = Input(api=f"labels.{GROUP_LABEL}", absent=None, change=Change.IMMUTABLE)
    instance_types: Inputs[str] = Inputs(api="instanceTypes", change=Change.IMMUTABLE, ordered=True)
    capacity: Input[str] = Input(api="capacityType", change=Change.IMMUTABLE, default="ON_DEMAND")
    ami: Input[str] = Input(api="amiType", change=Change.IMMUTABLE)
    node_role_arn: Input[str] = Input(api="nodeRole", change=Change.IMMUTABLE)
    subnet_ids: Inputs[str] = Inputs(api="subnets", change=Change.IMMUTABLE)
    template_id: Input[str] = Input(api="launchTemplate.id", absent=None, change=Change.IMMUTABLE)
    template_version: Input[str] = Input(api="launchTemplate.version", absent=None)
    version: Input[str] = Input(api="version")
    min: Input[int] = Input(api="scalingConfig.minSize")
    max: Input[int] = Input(api="scalingConfig.maxSize")
    desired_size: Input[int] = Input(api="scalingConfig.desiredSize", shown="", change=Change.CREATE_ONLY)
    surge: Input[int] = Input(api="updateConfig.maxUnavailable", absent=None, default=1)

    group_name = Output[str]("nodegroupName")
    arn = Output[str]("nodegroupArn")
    size = Output[int]("scalingConfig.desiredSize", absent=0)

    def differs(self, key: str, want: Any, have: Any) -> bool:
        """The Kubernetes version is compared to the precision given."""
        return version_differs(want, have) if key == "version" else super().differs(key, want, have)

    def refusals(self, live: Live, changed: Iterable[str]) -> dict[str, str]:
        """Also a version that is lower than what runs."""
        changed = list(changed)
        found = super().refusals(live, changed)
        have = live.props["version"]
        if "version" in changed and minor(self.version) < minor(have):
            found["version"] = f"EKS cannot take nodes back to an older version: {as_it_runs(minor(have))}"
        return found

    @classmethod
    def described(cls, cloud: Cloud, host: Live, id: str) -> Any:
        return cloud.eks.describe_nodegroup(clusterName=host.id, nodegroupName=id)["nodegroup"]

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        seen, ill = NODE_GROUP.of(item["status"]), health(NODE_GROUP_ISSUE, item.get("health", {}).get("issues", []))
        outputs = cls.outputs_of(item)
        more = {"made": outputs["arn"], **ill.told(seen)}
        live = seen.live(outputs["group_name"], cls.props_of(item), outputs, what="nodes", **more)
        return replace(live, noted=on_nodes(cloud, host, live.id)) if live.status is Status.READY else live

    @classmethod
    def ids(cls, cloud: Cloud, host: Live) -> Iterable[str]:
        return cloud.eks.pages("list_nodegroups", "nodegroups", clusterName=host.id)

    def create(self, cloud: Cloud, token: str) -> str:
        name = self.own_name(cloud)
        with in_use_means_conflict(f"the node group {name} exists already"):
            cloud.eks.create_nodegroup(
                clusterName=self.cluster,
                nodegroupName=name,
                clientRequestToken=token,
                tags=cloud.ownership.tags(self.address, name),
                **self.arguments(),
            )
        return name

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """Sizes and label first, in one call; then the version or the launch template, which roll the nodes."""
        names = {"clusterName": self.cluster, "nodegroupName": live.id}
        if {"min", "max", "desired_size", "surge", "role"} & changed:
            size = self.desired_size if "desired_size" in changed else int(live.outputs["size"])
            request = self.arguments("min", "max", "surge")
            request["scalingConfig"]["desiredSize"] = _within(size, self.min, self.max)
            labels = {"addOrUpdateLabels": {GROUP_LABEL: self.role}}
            cloud.eks.update_nodegroup_config(**names, **request, labels=labels)
        else:
            request = self.arguments("version", "template_id", "template_version")
            cloud.eks.update_nodegroup_version(**names, **request)

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.eks.delete_nodegroup(clusterName=self.cluster, nodegroupName=live.id)

    def diagnose(self, cloud: Cloud, live: Live | None) -> tuple[str, str]:
        """For nodes that did not join: what their subnets lack."""
        if live is None or live.code in ("", "NodeCreationFailure"):
            short = subnets_short(cloud, self.subnet_ids, NODE_ADDRESSES)
            return short or subnets_cut_off(cloud, self.subnet_ids) or cause_and_remedy(live)
        return cause_and_remedy(live)


def _within(size: int, least: int, most: int) -> int:
    return max(least, min(size, most))
