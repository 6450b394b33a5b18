"""Managed node groups with instances: launched from their template, joined after a while, rolled on a change.

moto has them active at once, without instances. Source: EKS API reference, CreateNodegroup, UpdateNodegroupConfig,
UpdateNodegroupVersion and DeleteNodegroup; EKS user guide, "Managed node group update behavior".
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models import ec2_backends
from moto.eks.models import EKSBackend

from livekit_deploy.sandbox.aws.eks.corrections.clusters import Clusters
from livekit_deploy.sandbox.aws.eks.errors import absent, in_use, invalid, not_now
from livekit_deploy.sandbox.aws.eks.store import (
    GROUP_CREATION,
    GROUP_DELETION,
    GROUP_ROLL,
    GROUP_UPDATE,
    ClusterEntry,
    Item,
    Thing,
    new_update,
)
from livekit_deploy.sandbox.aws.every_service.speed.caches import IMAGE
from livekit_deploy.sandbox.clock import SandboxClock

GROUP_TAG, CLUSTER_TAG = "eks:nodegroup-name", "eks:cluster-name"


class NodeGroups:
    """The operations on node groups of one account and region."""

    def __init__(self, backend: EKSBackend, clock: SandboxClock) -> None:
        self._backend, self._clock = backend, clock
        self._clusters = Clusters(backend, clock)
        self._ec2 = ec2_backends[backend.account_id][backend.region_name]

    # ---- reading

    def _get(self, asked: Mapping[str, Any]) -> tuple[ClusterEntry, Thing]:
        entry = self._clusters.get(asked["name"])
        name = asked["nodegroupName"]
        if name in entry.groups:
            entry.groups[name].advance(self._clock)
        if name not in entry.groups:
            raise absent(f"No node group found for name: {name}.")
        return entry, entry.groups[name]

    def describe_nodegroup(self, asked: Mapping[str, Any]) -> Item:
        return {"nodegroup": self._get(asked)[1].wire}

    def list_nodegroups(self, asked: Mapping[str, Any]) -> Item:
        entry = self._clusters.get(asked["name"])
        for group in list(entry.groups.values()):
            group.advance(self._clock)
        return {"nodegroups": sorted(entry.groups)}

    # ---- creating

    def create_nodegroup(self, asked: Mapping[str, Any]) -> Item:
        entry = self._clusters.active(asked["name"])
        name = asked["nodegroupName"]
        if name in entry.groups:
            raise in_use(f"NodeGroup already exists with name {name} and cluster name {asked['name']}")
        scaling = asked.get("scalingConfig") or {"minSize": 2, "maxSize": 2, "desiredSize": 2}
        _check_scaling(scaling)
        template = self._template(asked.get("launchTemplate"))
        wire = self._wire(entry, asked, scaling, template)
        group = Thing(wire, self._clock.now(), GROUP_CREATION, lambda: self._joined(entry, group))
        entry.groups[name] = group
        return {"nodegroup": wire}

    def _wire(self, entry: ClusterEntry, asked: Mapping[str, Any], scaling: Item, template: Item | None) -> Item:
        name, id = asked["nodegroupName"], str(uuid.uuid4())
        region, account = self._backend.region_name, self._backend.account_id
        arn = f"arn:{self._backend.partition}:eks:{region}:{account}:nodegroup/{asked['name']}/{name}/{id}"
        version = asked.get("version") or entry.wire["version"]
        optional = {"launchTemplate": template} if template else {"diskSize": asked.get("diskSize") or 20}
        return {
            "nodegroupName": name,
            "nodegroupArn": arn,
            "clusterName": asked["name"],
            "version": version,
            "releaseVersion": f"{version}.0-20261101",
            "createdAt": datetime.now(UTC),
            "modifiedAt": datetime.now(UTC),
            "status": "CREATING",
            "capacityType": asked.get("capacityType") or "ON_DEMAND",
            "scalingConfig": dict(scaling),
            "instanceTypes": list(asked.get("instanceTypes") or ["t3.medium"]),
            "subnets": list(asked["subnets"]),
            "amiType": asked.get("amiType") or "AL2023_x86_64_STANDARD",
            "nodeRole": asked["nodeRole"],
            "labels": dict(asked.get("labels") or {}),
            "taints": list(asked.get("taints") or []),
            "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{id}"}]},
            "health": {"issues": []},
            "updateConfig": dict(asked.get("updateConfig") or {"maxUnavailable": 1}),
            "tags": dict(asked.get("tags") or {}),
            **optional,
        }

    def _template(self, asked: Mapping[str, Any] | None) -> Item | None:
        if not asked:
            return None
        key = {"template_ids": [asked["id"]]} if asked.get("id") else {"template_names": [asked["name"]]}
        found = self._ec2.describe_launch_templates(**key)
        if not found:
            raise not_now("You cannot specify a launch template that does not exist")
        version = str(asked.get("version") or found[0].default_version_number)
        return {"id": found[0].id, "name": found[0].name, "version": version}

    # ---- its instances

    def _joined(self, entry: ClusterEntry, group: Thing) -> None:
        self._scale(group.wire)
        group.settle("ACTIVE")

    def instances(self, wire: Item) -> list[Any]:
        """The instances of a group that run."""
        tags = {GROUP_TAG: wire["nodegroupName"], CLUSTER_TAG: wire["clusterName"]}
        found = [one for one in self._ec2.all_instances() if one.state_code == 16]
        ours = [one for one in found if tags.items() <= {tag["key"]: tag["value"] for tag in one.get_tags()}.items()]
        return sorted(ours, key=lambda one: str(one.id))

    def _scale(self, wire: Item) -> None:
        running = self.instances(wire)
        want = wire["scalingConfig"]["desiredSize"]
        for number in range(len(running), want):
            self._launch(wire, wire["subnets"][number % len(wire["subnets"])])
        self._terminate(running[want:])

    def _launch(self, wire: Item, subnet_id: str) -> None:
        subnet = self._ec2.get_subnet(subnet_id)
        data = self._data(wire)
        groups = data.get("SecurityGroupIds") or [self._cluster_group(wire)]
        tags = {GROUP_TAG: wire["nodegroupName"], CLUSTER_TAG: wire["clusterName"], "Name": wire["nodegroupName"]}
        tags |= {f"kubernetes.io/cluster/{wire['clusterName']}": "owned"}
        reservation = self._ec2.run_instances(
            IMAGE,
            1,
            None,
            [],
            security_group_ids=list(groups),
            subnet_id=subnet_id,
            instance_type=wire["instanceTypes"][0],
            is_instance_type_default=False,
            placement=subnet.availability_zone,
            region_name=self._backend.region_name,
            owner_id=self._backend.account_id,
            key_name=None,
            tags={"instance": tags},
            nics={},
            private_ip=None,
            associate_public_ip=subnet.map_public_ip_on_launch in (True, "true"),
            ebs_optimized=False,
            instance_market_options=None,
            instance_initiated_shutdown_behavior="terminate",
            iam_instance_profile_name=None,
            iam_instance_profile_arn=None,
            monitoring_state="disabled",
            hibernation_options=None,
            metadata_options=data.get("MetadataOptions") or {},
            launch_template={},
            ami_launch_index=0,
        )
        for instance in reservation.instances:
            for interface in instance.nics.values():
                interface.delete_on_termination = True

    def _data(self, wire: Item) -> Mapping[str, Any]:
        asked = wire.get("launchTemplate")
        if not asked:
            return {}
        template = self._ec2.describe_launch_templates(template_ids=[asked["id"]])[0]
        found: Mapping[str, Any] = template.get_version(int(asked["version"])).data
        return found

    def _cluster_group(self, wire: Item) -> str:
        entry = self._clusters.get(wire["clusterName"])
        return str(entry.wire["resourcesVpcConfig"]["clusterSecurityGroupId"])

    def _terminate(self, instances: list[Any]) -> None:
        """They go with their interfaces; EC2 shows terminated ones for a while, which nobody here waits for."""
        gone = {one.id for one in instances}
        if gone:
            self._ec2.terminate_instances(sorted(gone))
        for id, interface in list(self._ec2.enis.items()):
            if interface.instance is not None and interface.instance.id in gone:
                del self._ec2.enis[id]
        for id, reservation in list(self._ec2.reservations.items()):
            reservation.instances = [one for one in reservation.instances if one.id not in gone]
            if not reservation.instances:
                del self._ec2.reservations[id]
        volumes = [volume for volume in self._ec2.volumes.values() if _of(volume, gone)]
        for volume in volumes:
            del self._ec2.volumes[volume.id]

    # ---- changing

    def update_nodegroup_config(self, asked: Mapping[str, Any]) -> Item:
        entry, group = self._active(asked)
        scaling = {**group.wire["scalingConfig"], **(asked.get("scalingConfig") or {})}
        _check_scaling(scaling)
        wire = group.wire
        grows = scaling["desiredSize"] > wire["scalingConfig"]["desiredSize"]
        wire["scalingConfig"] = scaling
        wire["updateConfig"] = dict(asked.get("updateConfig") or wire["updateConfig"])
        labels = asked.get("labels") or {}
        wire["labels"] = {**wire["labels"], **(labels.get("addOrUpdateLabels") or {})}
        for name in labels.get("removeLabels") or []:
            wire["labels"].pop(name, None)
        return self._updated(entry, group, "ConfigUpdate", GROUP_UPDATE, launches=grows)

    def update_nodegroup_version(self, asked: Mapping[str, Any]) -> Item:
        entry, group = self._active(asked)
        if template := self._template(asked.get("launchTemplate")):
            group.wire["launchTemplate"] = template
        if version := asked.get("version"):
            if version > entry.wire["version"]:
                raise invalid(f"Nodegroup version {version} is higher than the cluster's {entry.wire['version']}")
            group.wire["version"], group.wire["releaseVersion"] = version, f"{version}.0-20261101"
        self._terminate(self.instances(group.wire))
        return self._updated(entry, group, "VersionUpdate", GROUP_ROLL, launches=True)

    def _active(self, asked: Mapping[str, Any]) -> tuple[ClusterEntry, Thing]:
        entry, group = self._get(asked)
        if group.wire["status"] not in ("ACTIVE", "DEGRADED"):
            raise in_use(f"Nodegroup cannot be updated as it is currently not in Active state: {group.wire['status']}")
        return entry, group

    def _updated(self, entry: ClusterEntry, group: Thing, kind: str, seconds: float, *, launches: bool) -> Item:
        """A degraded group stays so until it has launched instances (containers roadmap, issue 2326)."""
        update = new_update(kind)
        entry.updates[str(update["id"])] = update

        def done() -> None:
            update["status"] = "Successful"
            if launches:
                group.heal()
            self._joined(entry, group)

        self._scale(group.wire)
        group.begin("UPDATING", self._clock, seconds, done)
        return {"update": update}

    # ---- deleting

    def delete_nodegroup(self, asked: Mapping[str, Any]) -> Item:
        entry, group = self._get(asked)

        def gone() -> None:
            self._terminate(self.instances(group.wire))
            entry.groups.pop(asked["nodegroupName"], None)

        if group.wire["status"] != "DELETING":
            group.begin("DELETING", self._clock, GROUP_DELETION, gone)
        return {"nodegroup": group.wire}


def _of(volume: Any, instances: set[str]) -> bool:
    return volume.attachment is not None and volume.attachment.instance.id in instances


def _check_scaling(scaling: Mapping[str, int]) -> None:
    least, most, size = scaling["minSize"], scaling["maxSize"], scaling["desiredSize"]
    if most < 1:
        raise invalid("maxSize must be at least 1")
    if not least <= size <= most:
        raise invalid(f"desired capacity {size} must be between min size {least} and max size {most}")
