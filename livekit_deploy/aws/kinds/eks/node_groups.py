"""Managed node groups: the instances that carry LiveKit and the rest, joined to the cluster by EKS.

What cannot be changed in place is part of the name: a new group is made first, and the old one goes last. The size
that an autoscaler may own is applied when the file changes it, and never compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.naming import fit
from livekit_deploy.aws.access.tags import ADDRESS
from livekit_deploy.aws.kinds.ec2.diagnosis import NODE_ADDRESSES, cause_and_remedy, subnets_cut_off, subnets_short
from livekit_deploy.aws.kinds.ec2.foreign_groups import on_nodes
from livekit_deploy.aws.kinds.eks.cluster import NEW_ROLE, as_it_runs, in_use_means_conflict, minor, version_differs
from livekit_deploy.aws.kinds.eks.issues import NODE_GROUP_ISSUE, health
from livekit_deploy.aws.kinds.states import NODE_GROUP
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output
from livekit_deploy.engine.resource import MINUTE, Found, Live, Resource, Status
from livekit_deploy.errors import Absent

_NAME = 63
GROUP_LABEL = "livekit-deploy/group"


class NodeGroup(Resource):
    """A managed node group; the nodes are labelled ``livekit-deploy/group`` with the name given by ``role``.

    ``version`` is the Kubernetes version (``1.36``); ``desired`` is applied once. ``surge`` is how many nodes may be
    replaced at a time. Source: EKS API reference, CreateNodegroup, UpdateNodegroupConfig, UpdateNodegroupVersion.
    """

    kind = "eks.node_group"
    host_kind = "eks.cluster"
    timeout, delete_timeout = 40 * MINUTE, 30 * MINUTE
    usual, usual_delete = 150.0, 4 * MINUTE
    exports = {"group_name": "node_group.{name}"}
    propagation = {"InvalidParameterException": (*NEW_ROLE, "role"), "InvalidRequestException": NEW_ROLE}

    role: Input[str] = Input(api="labels", change=Change.IMMUTABLE)
    instance_types: Inputs[str] = Inputs(api="instanceTypes", change=Change.IMMUTABLE, ordered=True)
    capacity: Input[str] = Input(api="capacityType", change=Change.IMMUTABLE, default="ON_DEMAND")
    ami: Input[str] = Input(api="amiType", change=Change.IMMUTABLE)
    node_role_arn: Input[str] = Input(api="nodeRole", change=Change.IMMUTABLE)
    subnet_ids: Inputs[str] = Inputs(api="subnets", change=Change.IMMUTABLE)
    template_id: Input[str] = Input(api="launchTemplate.id", change=Change.IMMUTABLE)
    template_version: Input[str] = Input(api="launchTemplate.version")
    version: Input[str] = Input(api="version")
    min: Input[int] = Input(api="scalingConfig.minSize")
    max: Input[int] = Input(api="scalingConfig.maxSize")
    desired_size: Input[int] = Input(api="scalingConfig.desiredSize", change=Change.CREATE_ONLY)
    surge: Input[int] = Input(api="updateConfig.maxUnavailable", default=1)

    group_name = Output[str]()

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

    def _cluster(self) -> str:
        if self.host is None:
            raise Absent(f"{self.address}: its cluster does not exist", address=self.address)
        return self.host.id

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        name = id or fit(cloud.name(self.instance), _NAME)
        group = _describe(cloud, self._cluster(), name)
        if group is None:
            return None
        if id is None:
            cloud.ownership.claim(group.get("tags", {}), self.address, f"the node group {name}")
        return self._seen(cloud, self.host, group)

    def create(self, cloud: Cloud, token: str) -> str:
        name = fit(cloud.name(self.instance), _NAME)
        with in_use_means_conflict(f"the node group {name} exists already"):
            cloud.eks.create_nodegroup(
                clusterName=self._cluster(),
                nodegroupName=name,
                clientRequestToken=token,
                nodeRole=self.node_role_arn,
                subnets=sorted(self.subnet_ids),
                instanceTypes=list(self.instance_types),
                capacityType=self.capacity,
                amiType=self.ami,
                launchTemplate={"id": self.template_id, "version": self.template_version},
                version=self.version,
                scalingConfig={"minSize": self.min, "maxSize": self.max, "desiredSize": self.desired_size},
                updateConfig={"maxUnavailable": self.surge},
                labels={GROUP_LABEL: self.role},
                tags=cloud.ownership.tags(self.address, name),
            )
        return name

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """Sizes and label first, in one call; then the version or the launch template, which roll the nodes."""
        names = {"clusterName": self._cluster(), "nodegroupName": live.id}
        if {"min", "max", "desired_size", "surge", "role"} & changed:
            size = self.desired_size if "desired_size" in changed else int(live.outputs["size"])
            scaling = {"minSize": self.min, "maxSize": self.max, "desiredSize": _within(size, self.min, self.max)}
            cloud.eks.update_nodegroup_config(
                **names,
                scalingConfig=scaling,
                updateConfig={"maxUnavailable": self.surge},
                labels={"addOrUpdateLabels": {GROUP_LABEL: self.role}},
            )
        else:
            template = {"id": self.template_id, "version": self.template_version}
            cloud.eks.update_nodegroup_version(**names, version=self.version, launchTemplate=template)

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.eks.tag_resource(resourceArn=live.outputs["arn"], tags=dict(tags))

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.eks.delete_nodegroup(clusterName=self._cluster(), nodegroupName=live.id)

    def diagnose(self, cloud: Cloud, live: Live | None) -> tuple[str, str]:
        """For nodes that did not join: what their subnets lack."""
        if live is None or live.code in ("", "NodeCreationFailure"):
            short = subnets_short(cloud, self.subnet_ids, NODE_ADDRESSES)
            return short or subnets_cut_off(cloud, self.subnet_ids) or cause_and_remedy(live)
        return cause_and_remedy(live)

    @staticmethod
    def _seen(cloud: Cloud, cluster: Live | None, group: Mapping[str, Any]) -> Live:
        live = _live(group)
        if cluster is None or live.status is not Status.READY:
            return live
        return replace(live, noted=on_nodes(cloud, cluster, live.id))

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        if host is None or cloud.ownership.lineage is None:
            return
        for name in cloud.eks.pages("list_nodegroups", "nodegroups", clusterName=host.id):
            group = _describe(cloud, host.id, name)
            if group is not None and cloud.ownership.ours(group.get("tags", {})):
                yield Found(group["tags"].get(ADDRESS, ""), cls._seen(cloud, host, group))


def _within(size: int, least: int, most: int) -> int:
    return max(least, min(size, most))


def _describe(cloud: Cloud, cluster: str, name: str) -> Mapping[str, Any] | None:
    try:
        group: Mapping[str, Any] = cloud.eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
    except Absent:
        return None
    return group


def _live(group: Mapping[str, Any]) -> Live:
    ill = health(NODE_GROUP_ISSUE, group.get("health", {}).get("issues", []))
    scaling, template = group.get("scalingConfig", {}), group.get("launchTemplate") or {}
    props = {
        "role": group.get("labels", {}).get(GROUP_LABEL),
        "instance_types": list(group.get("instanceTypes") or []),
        "capacity": group.get("capacityType"),
        "ami": group.get("amiType"),
        "node_role_arn": group["nodeRole"],
        "subnet_ids": sorted(group["subnets"]),
        "template_id": template.get("id"),
        "template_version": str(template.get("version")),
        "version": group["version"],
        "min": scaling.get("minSize"),
        "max": scaling.get("maxSize"),
        "surge": group.get("updateConfig", {}).get("maxUnavailable"),
    }
    outputs = {
        "group_name": group["nodegroupName"],
        "arn": group["nodegroupArn"],
        "size": scaling.get("desiredSize", 0),
    }
    seen = NODE_GROUP.of(group["status"])
    tags = group.get("tags", {})
    return seen.live(
        group["nodegroupName"], props, outputs, what="nodes", tags=tags, made=group["nodegroupArn"], **ill.told(seen)
    )
