"""Elastic IPs and NAT gateways: how private nodes reach the Internet, where an environment asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import specification
from livekit_deploy.aws.kinds.ec2.diagnosis import cause_and_remedy
from livekit_deploy.aws.kinds.ec2.holders import interfaces
from livekit_deploy.aws.kinds.ec2.resource import SENT_ONCE, Ec2Resource, Item
from livekit_deploy.aws.kinds.states import GONE, NAT_GATEWAY
from livekit_deploy.engine.inputs import Change, Input, Output
from livekit_deploy.engine.resource import MINUTE, Live, Status


class ElasticIp(Ec2Resource):
    """A public address. Source: EC2 API reference, AllocateAddress."""

    kind = "ec2.elastic_ip"
    operation, items, id_key = "describe_addresses", "Addresses", "AllocationId"
    grace = 30.0
    propagation = SENT_ONCE
    exports = {"public_ip": "address.{name}"}

    id = Output[str]()
    public_ip = Output[str]()

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        outputs = {"id": item["AllocationId"], "public_ip": item["PublicIp"]}
        return Live(item["AllocationId"], Status.READY, outputs=outputs)

    def create(self, cloud: Cloud, token: str) -> str:
        tags = specification("elastic-ip", cloud.ownership.tags(self.address, cloud.name(self.instance)))
        return str(cloud.once.ec2.allocate_address(Domain="vpc", TagSpecifications=tags)["AllocationId"])

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
    id_key, filters = "NatGatewayId", "Filter"
    timeout, usual, usual_delete = 15 * MINUTE, 105.0, 50.0
    delete_timeout = 15 * MINUTE

    subnet_id: Input[str] = Input(
        api="SubnetId", change=Change.FIXED, way_out="A NAT gateway stays in its subnet: set network.nat to none first."
    )
    allocation_id: Input[str] = Input(
        api="AllocationId",
        change=Change.FIXED,
        way_out="A NAT gateway keeps its first address: set network.nat to none first.",
    )

    id = Output[str]()

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live | None:
        seen = NAT_GATEWAY.of(item["State"])
        if seen.meaning is GONE:
            return None
        props = {"subnet_id": item.get("SubnetId")}  # a regional one is in none
        addresses = [one["AllocationId"] for one in item.get("NatGatewayAddresses", []) if "AllocationId" in one]
        if addresses:
            props["allocation_id"] = addresses[0]
        outputs, code = {"id": item["NatGatewayId"]}, str(item.get("FailureCode", ""))
        why = str(item.get("FailureMessage", ""))
        return seen.live(item["NatGatewayId"], props, outputs, what="NAT gateway", detail=why, code=code)

    def create(self, cloud: Cloud, token: str) -> str:
        said = cloud.ec2.create_nat_gateway(
            SubnetId=self.subnet_id,
            AllocationId=self.allocation_id,
            ClientToken=token,
            TagSpecifications=specification(
                "natgateway", cloud.ownership.tags(self.address, cloud.name(self.instance))
            ),
        )
        return str(said["NatGateway"]["NatGatewayId"])

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
