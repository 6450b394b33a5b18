"""Launch templates for node groups: the groups on the nodes' interfaces, IMDSv2, an encrypted disk, tags.

Instance types, subnets and the node role belong to the node group and must not be here (EKS user guide, "Customize
managed nodes with launch templates"). A template with groups of its own gets none from EKS: the cluster's is added.
"""

from __future__ import annotations

from typing import Any

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.aws.ec2 import Ec2Resource, Item, tags_of
from livekit_deploy.aws.tags import pairs, specification
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output
from livekit_deploy.engine.resource import Live, Status

#: what a launch with the template makes, and tags
TAGGED = ("instance", "volume", "network-interface")
_HOPS = 2  # pods that are not on the host's network are one hop further from IMDS


class LaunchTemplate(Ec2Resource):
    """A launch template; a change makes a new version, which is the one that counts.

    ``disk_gib`` is the size of the root volume, ``root_device`` its name in the AMI.
    Source: EC2 API reference, CreateLaunchTemplate and CreateLaunchTemplateVersion.
    """

    kind = "ec2.launch_template"
    operation, items = "describe_launch_templates", "LaunchTemplates"
    id_key = "LaunchTemplateId"
    renewed = frozenset({"version"})

    security_group_ids: Inputs[str] = Inputs(api="SecurityGroupIds")
    disk_gib: Input[int] = Input(api="BlockDeviceMappings.Ebs.VolumeSize")
    root_device: Input[str] = Input(api="BlockDeviceMappings.DeviceName", change=Change.IMMUTABLE, default="/dev/xvda")

    id = Output[str]()
    version = Output[str]()

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        """Also by its name, which a region has once: somebody else's is found before it is in the way.

        Raises `NotOurs`.
        """
        found, name = super().read(cloud, id), cloud.name(self.instance)
        named = [] if found is not None else self.listed(cloud, **{"launch-template-name": [name]})
        for item in (one for listed in named if (one := self.described(cloud, listed[self.id_key]))):
            cloud.marks.claim(tags_of(item), self.address, f"the launch template {name}")
            return self.alive(cloud, item)
        return found

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        id = item["LaunchTemplateId"]
        said = cloud.ec2.describe_launch_template_versions(LaunchTemplateId=id, Versions=["$Latest"])
        newest = said["LaunchTemplateVersions"].only
        data = newest["LaunchTemplateData"]
        disks = data.get("BlockDeviceMappings", [{}])
        props = {
            "security_group_ids": sorted(data.get("SecurityGroupIds", [])),
            "disk_gib": disks[0].get("Ebs", {}).get("VolumeSize"),
            "root_device": disks[0].get("DeviceName"),
        }
        outputs = {"id": id, "version": str(newest["VersionNumber"])}
        return Live(id, Status.READY, props, outputs)

    def _data(self, cloud: Cloud) -> dict[str, Any]:
        tags = cloud.marks.tags(self.address, cloud.name(self.instance))
        disk = {
            "VolumeSize": self.disk_gib,
            "VolumeType": "gp3",
            "Encrypted": True,
            "DeleteOnTermination": True,
        }
        return {
            "SecurityGroupIds": sorted(self.security_group_ids),
            "BlockDeviceMappings": [{"DeviceName": self.root_device, "Ebs": disk}],
            "MetadataOptions": {
                "HttpEndpoint": "enabled",
                "HttpTokens": "required",
                "HttpPutResponseHopLimit": _HOPS,
            },
            "TagSpecifications": [{"ResourceType": kind, "Tags": pairs(tags)} for kind in TAGGED],
        }

    def create(self, cloud: Cloud, token: str) -> str:
        name = cloud.name(self.instance)
        said = cloud.ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData=self._data(cloud),
            ClientToken=token,
            TagSpecifications=specification("launch-template", cloud.marks.tags(self.address, name)),
        )
        return str(said["LaunchTemplate"]["LaunchTemplateId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        cloud.ec2.create_launch_template_version(LaunchTemplateId=live.id, LaunchTemplateData=self._data(cloud))

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_launch_template(LaunchTemplateId=live.id)
