"""The VPC and its subnets, and the gateway through which they reach the Internet."""

from __future__ import annotations

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import pairs, specification
from livekit_deploy.aws.kinds.ec2 import holders
from livekit_deploy.aws.kinds.ec2.resource import SENT_ONCE, Ec2Resource, Item, tags_of
from livekit_deploy.aws.kinds.states import ATTACHMENT, GONE, SUBNET, VPC
from livekit_deploy.engine.inputs import Change, Input, Output
from livekit_deploy.engine.resource import Live, Status

_ANEW = "A VPC keeps its ranges for life: take the environment down and up again, or use another environment."
_ROLE_TAG = "kubernetes.io/role/"


class Vpc(Ec2Resource):
    """The network. EKS needs DNS support and host names (EKS user guide, "VPC and subnet requirements").

    Source: EC2 API reference, CreateVpc and ModifyVpcAttribute.
    """

    kind = "ec2.vpc"
    operation, items, id_key = "describe_vpcs", "Vpcs", "VpcId"
    grace = 30.0
    propagation = SENT_ONCE
    exports = {"id": "vpc.id"}

    cidr: Input[str] = Input(api="CidrBlock", change=Change.FIXED, way_out=_ANEW)
    dns_support: Input[bool] = Input(api="EnableDnsSupport", default=True)
    dns_hostnames: Input[bool] = Input(api="EnableDnsHostnames", default=True)

    id = Output[str]()

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        props = {
            "cidr": item["CidrBlock"],
            "dns_support": cls._attribute(cloud, item, "enableDnsSupport"),
            "dns_hostnames": cls._attribute(cloud, item, "enableDnsHostnames"),
        }
        return VPC.of(item.get("State")).live(item["VpcId"], props, {"id": item["VpcId"]})

    @staticmethod
    def _attribute(cloud: Cloud, item: Item, name: str) -> bool:
        said = cloud.ec2.describe_vpc_attribute(VpcId=item["VpcId"], Attribute=name)
        return bool(said[name[0].upper() + name[1:]]["Value"])

    def create(self, cloud: Cloud, token: str) -> str:
        tags = specification("vpc", cloud.ownership.tags(self.address, cloud.name(self.instance)))
        said = cloud.once.ec2.create_vpc(CidrBlock=self.cidr, TagSpecifications=tags)
        return str(said["Vpc"]["VpcId"])

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
    operation, items, id_key = "describe_subnets", "Subnets", "SubnetId"
    exports = {"id": "subnet.{name}"}

    vpc_id: Input[str] = Input(api="VpcId", change=Change.FIXED, way_out=_ANEW)
    cidr: Input[str] = Input(api="CidrBlock", change=Change.FIXED, way_out=_ANEW)
    zone: Input[str] = Input(api="AvailabilityZone", change=Change.FIXED, way_out=_ANEW)
    public: Input[bool] = Input(api="MapPublicIpOnLaunch", default=False)
    role: Input[str] = Input(api="TagSpecifications")

    id = Output[str]()

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        roles = sorted(key.removeprefix(_ROLE_TAG) for key in tags_of(item) if key.startswith(_ROLE_TAG))
        props = {
            "vpc_id": item["VpcId"],
            "cidr": item["CidrBlock"],
            "zone": item["AvailabilityZone"],
            "public": item["MapPublicIpOnLaunch"],
            "role": " and ".join(roles),
        }
        return SUBNET.of(item.get("State")).live(item["SubnetId"], props, {"id": item["SubnetId"]})

    def create(self, cloud: Cloud, token: str) -> str:
        tags = {**cloud.ownership.tags(self.address, cloud.name(self.instance)), _ROLE_TAG + self.role: "1"}
        said = cloud.ec2.create_subnet(
            VpcId=self.vpc_id,
            CidrBlock=self.cidr,
            AvailabilityZone=self.zone,
            TagSpecifications=specification("subnet", tags),
        )
        return str(said["Subnet"]["SubnetId"])

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


class InternetGateway(Ec2Resource):
    """The gateway: made, then attached, so that a crash in between is found and finished.

    Source: EC2 API reference, CreateInternetGateway and AttachInternetGateway.
    """

    kind = "ec2.internet_gateway"
    operation, items = "describe_internet_gateways", "InternetGateways"
    id_key = "InternetGatewayId"
    grace = 30.0
    propagation = SENT_ONCE

    vpc_id: Input[str] = Input(api="AttachInternetGateway.VpcId")

    id = Output[str]()

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        there = [one for one in item.get("Attachments", []) if ATTACHMENT.of(one.get("State")).meaning is not GONE]
        props = {"vpc_id": there[0]["VpcId"] if there else None}
        return Live(item["InternetGatewayId"], Status.READY, props, {"id": item["InternetGatewayId"]})

    def create(self, cloud: Cloud, token: str) -> str:
        tags = specification("internet-gateway", cloud.ownership.tags(self.address, cloud.name(self.instance)))
        said = cloud.once.ec2.create_internet_gateway(TagSpecifications=tags)
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
