"""Elastic IPs and NAT gateways: how private nodes reach the Internet, where an environment asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.diagnosis import cause_and_remedy
from livekit_deploy.aws.kinds.ec2.holders import interfaces
from livekit_deploy.aws.kinds.ec2.resource import SENT_ONCE, Ec2Resource
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.aws.kinds.states import GONE, NAT_GATEWAY
from livekit_deploy.engine.inputs import Change, Input, Output
from livekit_deploy.engine.resource import MINUTE, Live


class ElasticIp(Ec2Resource):
    """A public address. Source: EC2 API reference, AllocateAddress."""

    kind = "ec2.elastic_ip"
    operation, items, id_key, tagged_as = "describe_addresses", "Addresses", "AllocationId", "elastic-ip"
    grace = 30.0
    propagation = SENT_ONCE
    exports = {"public_ip": "address.{name}"}

    id = Output[str]("AllocationId")
    public_ip = Output[str]("PublicIp")

    def create(self, cloud: Cloud, token: str) -> str:
        return str(cloud.once.ec2.allocate_address(Domain="vpc", **self.request(cloud))["AllocationId"])

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.release_address(AllocationId=live.id)

    def blockers(self, cloud: Cloud, live: Live) -> Iterable[str]:
        found = cloud.ec2.describe_addresses(AllocationIds=[live.id])["Addresses"]
        held = [item["NetworkInterfaceId"] for item in found if item.get("NetworkInterfaceId")]
        return map(str, interfaces(cloud, network_interface_id=held)) if held else ()


class NatGateway(Ec2Resource):
    """A zonal NAT gateway; it comes after the attached Internet gateway.

    A deleted one is shown for about an hour. Source: EC2 API reference, CreateNatGateway.
    """

    kind = "ec2.nat_gateway"
    operation, items = "describe_nat_gateways", "NatGateways"
    id_key, tagged_as, filters = "NatGatewayId", "natgateway", "Filter"
    timeout, usual, usual_delete = 15 * MINUTE, 105.0, 50.0
    delete_timeout = 15 * MINUTE

    # a regional one is in no subnet
    subnet_id: Input[str] = Input(
        api="SubnetId",
        absent=None,
        change=Change.FIXED,
        way_out="A NAT gateway stays in its subnet: set network.nat to none first.",
    )
    allocation_id: Input[str] = Input(
        api="AllocationId",
        shown="",  # of several it is the first that has one
        change=Change.FIXED,
        way_out="A NAT gateway keeps its first address: set network.nat to none first.",
    )

    id = Output[str]("NatGatewayId")

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live | None:
        seen = NAT_GATEWAY.of(item["State"])
        if seen.meaning is GONE:
            return None
        props = cls.props_of(item)
        addresses = [one["AllocationId"] for one in item.get("NatGatewayAddresses", []) if "AllocationId" in one]
        if addresses:
            props["allocation_id"] = addresses[0]
        why, code = str(item.get("FailureMessage", "")), str(item.get("FailureCode", ""))
        return seen.live(item["NatGatewayId"], props, cls.outputs_of(item), what="NAT gateway", detail=why, code=code)

    def create(self, cloud: Cloud, token: str) -> str:
        return str(cloud.ec2.create_nat_gateway(ClientToken=token, **self.request(cloud))["NatGateway"]["NatGatewayId"])

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_nat_gateway(NatGatewayId=live.id)

    def diagnose(self, cloud: Cloud, live: Live | None) -> tuple[str, str]:
        return cause_and_remedy(live)

    @classmethod
    def vanishing(cls, cloud: Cloud) -> Iterator[tuple[str, str]]:
        if cloud.ownership.lineage is None:
            return
        for item in cls.listed(cloud, tag_lineage=[cloud.ownership.lineage]):
            if NAT_GATEWAY.of(item["State"]).meaning is GONE:
                yield f"NAT gateway {item['NatGatewayId']}", "within the hour"
