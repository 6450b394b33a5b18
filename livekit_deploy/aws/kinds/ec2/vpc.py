"""The VPC and its subnets, and the gateway through which they reach the Internet."""

from __future__ import annotations

from collections.abc import Sequence

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import pairs
from livekit_deploy.aws.kinds.ec2 import holders
from livekit_deploy.aws.kinds.ec2.resource import SENT_ONCE, Ec2Resource, tags_of
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.aws.kinds.states import ATTACHMENT, GONE, SUBNET, VPC
from livekit_deploy.engine.inputs import Change, Input, Output
from livekit_deploy.engine.resource import Live

_ANEW = "A VPC keeps its ranges for life: take the environment down and up again, or use another environment."
_ROLE_TAG = "kubernetes.io/role/"


class Vpc(Ec2Resource):
    """The network. EKS needs DNS support and host names (EKS user guide, "VPC and subnet requirements").

    Source: EC2 API reference, CreateVpc and ModifyVpcAttribute.
    """

    kind = "ec2.vpc"
    operation, items, id_key, tagged_as = "describe_vpcs", "Vpcs", "VpcId", "vpc"
    grace = 30.0
    propagation = SENT_ONCE
    exports = {"id": "vpc.id"}

    cidr: Input[str] = Input(api="CidrBlock", change=Change.FIXED, way_out=_ANEW)
    # attributes, each with a call of its own
    dns_support: Input[bool] = Input(default=True)
    dns_hostnames: Input[bool] = Input(default=True)

    id = Output[str]("VpcId")

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        props = {
            **cls.props_of(item),
            "dns_support": cls._attribute(cloud, item, "enableDnsSupport"),
            "dns_hostnames": cls._attribute(cloud, item, "enableDnsHostnames"),
        }
        return VPC.of(item.get("State")).live(item["VpcId"], props, cls.outputs_of(item))

    @staticmethod
    def _attribute(cloud: Cloud, item: Item, name: str) -> bool:
        said = cloud.ec2.describe_vpc_attribute(VpcId=item["VpcId"], Attribute=name)
        return bool(said[name[0].upper() + name[1:]]["Value"])

    def create(self, cloud: Cloud, token: str) -> str:
        return str(cloud.once.ec2.create_vpc(**self.request(cloud))["Vpc"]["VpcId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """One attribute a call, support first: host names need it."""
        if "dns_support" in changed:
            cloud.ec2.modify_vpc_attribute(VpcId=live.id, EnableDnsSupport={"Value": self.dns_support})
        elif "dns_hostnames" in changed:
            cloud.ec2.modify_vpc_attribute(VpcId=live.id, EnableDnsHostnames={"Value": self.dns_hostnames})

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_vpc(VpcId=live.id)

    def blockers(self, cloud: Cloud, live: Live) -> list[str]:
        """Everything that is still in it."""
        return [str(thing) for thing in holders.in_vpc(cloud, live.id)]


class Subnet(Ec2Resource):
    """A subnet in one zone. ``public`` gives instances a public address; ``role`` (``elb`` or ``internal-elb``) tells
    the load balancer controller what to place in it (its documentation, "Subnet auto-discovery").

    Source: EC2 API reference, CreateSubnet and ModifySubnetAttribute.
    """

    kind = "ec2.subnet"
    operation, items, id_key, tagged_as = "describe_subnets", "Subnets", "SubnetId", "subnet"
    exports = {"id": "subnet.{name}"}

    vpc_id: Input[str] = Input(api="VpcId", change=Change.FIXED, way_out=_ANEW)
    cidr: Input[str] = Input(api="CidrBlock", change=Change.FIXED, way_out=_ANEW)
    zone: Input[str] = Input(api="AvailabilityZone", change=Change.FIXED, way_out=_ANEW)
    # what no create takes: an attribute, and a tag
    public: Input[bool] = Input(shown="MapPublicIpOnLaunch", default=False)
    role: Input[str] = Input()

    id = Output[str]("SubnetId")

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        roles = sorted(key.removeprefix(_ROLE_TAG) for key in tags_of(item) if key.startswith(_ROLE_TAG))
        props = {**cls.props_of(item), "role": " and ".join(roles)}
        return SUBNET.of(item.get("State")).live(item["SubnetId"], props, cls.outputs_of(item))

    def create(self, cloud: Cloud, token: str) -> str:
        return str(cloud.ec2.create_subnet(**self.request(cloud, **{_ROLE_TAG + self.role: "1"}))["Subnet"]["SubnetId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        if "public" in changed:
            cloud.ec2.modify_subnet_attribute(SubnetId=live.id, MapPublicIpOnLaunch={"Value": self.public})
        elif "role" in changed:
            surplus = [role for role in str(live.props["role"]).split(" and ") if role and role != self.role]
            if surplus:
                cloud.ec2.delete_tags(Resources=[live.id], Tags=[{"Key": _ROLE_TAG + role} for role in surplus])
            else:
                cloud.ec2.create_tags(Resources=[live.id], Tags=pairs({_ROLE_TAG + self.role: "1"}))

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_subnet(SubnetId=live.id)

    def blockers(self, cloud: Cloud, live: Live) -> list[str]:
        """The network interfaces in it."""
        return [str(thing) for thing in holders.interfaces(cloud, subnet_id=[live.id])]


def _attached(attachments: Sequence[Item]) -> str | None:
    there = (one["VpcId"] for one in attachments if ATTACHMENT.of(one.get("State")).meaning is not GONE)
    return next(there, None)


class InternetGateway(Ec2Resource):
    """The gateway: made, then attached, so that a crash in between is found and finished.

    Source: EC2 API reference, CreateInternetGateway and AttachInternetGateway.
    """

    kind = "ec2.internet_gateway"
    operation, items = "describe_internet_gateways", "InternetGateways"
    id_key, tagged_as = "InternetGatewayId", "internet-gateway"
    grace = 30.0
    propagation = SENT_ONCE

    # attached by a call of its own
    vpc_id: Input[str] = Input(shown="Attachments", from_api=_attached, absent=None)

    id = Output[str]("InternetGatewayId")

    def create(self, cloud: Cloud, token: str) -> str:
        said = cloud.once.ec2.create_internet_gateway(**self.request(cloud))
        return str(said["InternetGateway"]["InternetGatewayId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        if live.props["vpc_id"] is not None:
            cloud.ec2.detach_internet_gateway(InternetGatewayId=live.id, VpcId=live.props["vpc_id"])
        else:
            cloud.ec2.attach_internet_gateway(InternetGatewayId=live.id, VpcId=self.vpc_id)

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Detach first; EC2 refuses that while the VPC has mapped public addresses."""
        if live.props["vpc_id"] is not None:
            cloud.ec2.detach_internet_gateway(InternetGatewayId=live.id, VpcId=live.props["vpc_id"])
        else:
            cloud.ec2.delete_internet_gateway(InternetGatewayId=live.id)

    def blockers(self, cloud: Cloud, live: Live) -> list[str]:
        """What has a public address in its VPC."""
        return [str(thing) for thing in holders.public_in(cloud, str(live.props["vpc_id"]))]
