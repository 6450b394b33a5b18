"""Launch templates for node groups: security groups, IMDSv2, an encrypted disk, tags.

Whoever may edit a template can add a version to it, which then is the last one. All of the last version is compared,
so that such an edit shows as drift. What counts is the number of the first version that says the same as the last: when
ours is put back behind somebody's, the nodes that run it stay.

Instance types, subnets and the node role belong to the node group and must not be here (EKS user guide, "Customize
managed nodes with launch templates"). A template with groups of its own gets none from EKS: the cluster's is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import pairs
from livekit_deploy.aws.kinds.ec2.resource import Ec2Resource, tags_of
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output
from livekit_deploy.engine.resource import Live, Status

#: what a launch with the template makes, and tags
TAGGED = ("instance", "volume", "network-interface")
_HOPS = 2  # pods that are not on the host's network are one hop further from IMDS
_METADATA = {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": _HOPS}
_DISK = {"VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
#: what every version says, besides the inputs
_ALWAYS = {
    **{f"MetadataOptions.{key}": value for key, value in _METADATA.items()},
    **{f"BlockDeviceMappings.0.Ebs.{key}": value for key, value in _DISK.items()},
}
#: what the inputs say, and the tags of what is launched, which are never compared
_INPUTS = ("SecurityGroupIds.", "BlockDeviceMappings.0.DeviceName", "BlockDeviceMappings.0.Ebs.VolumeSize", "TagSpec")
#: said in full, it is the same as not said (EC2 API reference, LaunchTemplateInstanceMetadataOptions)
_SAME = {
    "MetadataOptions.State": ("pending", "applied"),
    "MetadataOptions.HttpProtocolIpv6": ("disabled",),
    "MetadataOptions.InstanceMetadataTags": ("disabled",),
}
#: it may hold a secret: only that there is one is told
_HIDDEN = ("UserData",)


class LaunchTemplate(Ec2Resource):
    """A launch template; a change makes a new version, which is the one that counts.

    ``disk_gib`` is the size of the root volume, ``root_device`` its name in the AMI. ``other_settings`` is whatever
    else a version says that ours does not: metadata options, user data, an unencrypted disk, a key, more interfaces.
    Source: EC2 API reference, CreateLaunchTemplate and CreateLaunchTemplateVersion.
    """

    kind = "ec2.launch_template"
    operation, items = "describe_launch_templates", "LaunchTemplates"
    id_key, tagged_as = "LaunchTemplateId", "launch-template"
    renewed = regained = frozenset({"version"})

    security_group_ids: Inputs[str] = Inputs(api="LaunchTemplateData.SecurityGroupIds")
    disk_gib: Input[int] = Input(api="LaunchTemplateData.BlockDeviceMappings[0].Ebs.VolumeSize", shown="")
    root_device: Input[str] = Input(
        api="LaunchTemplateData.BlockDeviceMappings[0].DeviceName",
        shown="",
        change=Change.IMMUTABLE,
        default="/dev/xvda",
    )
    other_settings: Inputs[str] = Inputs(default=())

    id = Output[str]()
    version = Output[str]()

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        """Also by its name, which a region has once: somebody else's is found before it is in the way.

        Raises `NotOurs`.
        """
        found, name = super().read(cloud, id), cloud.name(self.instance)
        named = [] if found is not None else self.listed(cloud, **{"launch-template-name": [name]})
        for item in (one for listed in named if (one := self.described(cloud, listed[self.id_key]))):
            cloud.ownership.claim(tags_of(item), self.address, f"the launch template {name}")
            return self.alive(cloud, item)
        return found

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        id = item["LaunchTemplateId"]
        versions = cloud.ec2.pages("describe_launch_template_versions", "LaunchTemplateVersions", LaunchTemplateId=id)
        by_number = sorted(versions, key=lambda one: int(one["VersionNumber"]))
        data = by_number[-1]["LaunchTemplateData"]
        disks = data.get("BlockDeviceMappings", [{}])
        props = {
            **cls.props_of(by_number[-1]),
            "disk_gib": disks[0].get("Ebs", {}).get("VolumeSize"),
            "root_device": disks[0].get("DeviceName"),
            "other_settings": _others(data),
        }
        first = next(one for one in by_number if _content(one["LaunchTemplateData"]) == _content(data))
        return Live(id, Status.READY, props, {"id": id, "version": str(first["VersionNumber"])})

    def _with_all(self, cloud: Cloud, request: dict[str, Any]) -> dict[str, Any]:
        """The request with what every version says, and the tags of what is launched."""
        tags = pairs(cloud.ownership.tags(self.address, cloud.name(self.instance)))
        data = request["LaunchTemplateData"]
        data["BlockDeviceMappings"][0]["Ebs"] |= _DISK
        data["MetadataOptions"] = dict(_METADATA)
        data["TagSpecifications"] = [{"ResourceType": kind, "Tags": tags} for kind in TAGGED]
        return request

    def create(self, cloud: Cloud, token: str) -> str:
        request = self._with_all(cloud, self.request(cloud))
        said = cloud.ec2.create_launch_template(
            LaunchTemplateName=cloud.name(self.instance), ClientToken=token, **request
        )
        return str(said["LaunchTemplate"]["LaunchTemplateId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        request = self._with_all(cloud, self.arguments())
        cloud.ec2.create_launch_template_version(LaunchTemplateId=live.id, **request)

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_launch_template(LaunchTemplateId=live.id)


def _content(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a version says of the nodes, without their tags."""
    return {key: value for key, value in _leaves(data, "") if not key.startswith("TagSpec")}


def _others(data: Mapping[str, Any]) -> list[str]:
    """What a version says, or leaves out, that is neither an input nor as it always is."""
    there = dict(_leaves(data, ""))
    lacking = {key: there.get(key, "not set") for key, value in _ALWAYS.items() if there.get(key) != value}
    more = {key: value for key, value in there.items() if key not in _ALWAYS and not key.startswith(_INPUTS)}
    more = {key: value for key, value in more.items() if value and value not in _SAME.get(key, ())}
    return sorted(key if key in _HIDDEN else f"{key}: {value}" for key, value in {**lacking, **more}.items())


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Each value inside of mappings and lists, by its path."""
    if isinstance(value, Mapping):
        pairs = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        pairs = [(str(number), item) for number, item in enumerate(value)]
    else:
        yield path, value
        return
    for name, item in pairs:
        yield from _leaves(item, f"{path}.{name}" if path else name)
