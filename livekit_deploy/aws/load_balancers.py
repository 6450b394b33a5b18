"""The load balancers that the load balancer controller makes for LiveKit, seen from AWS.

We make none and delete none here: an Ingress or a Service asks the controller for one, and a barrier sees to it that
they are gone before the controller is. These resources wait until AWS has one and give its address to DNS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.aws.eks import cluster_name
from livekit_deploy.aws.tags import mapping
from livekit_deploy.engine.inputs import Input, Output
from livekit_deploy.engine.resource import MINUTE, Found, Live, Observed, Status
from livekit_deploy.errors import Absent

CLUSTER_TAG = "elbv2.k8s.aws/cluster"
INGRESS_TAG = "ingress.k8s.aws/stack"
SERVICE_TAG = "service.k8s.aws/stack"
_TAGS_AT_ONCE = 20  # ELB's limit for DescribeTags


def controlled(cloud: Cloud, cluster: str) -> list[tuple[Mapping[str, Any], dict[str, str]]]:
    """Every load balancer that the controller of ``cluster`` made, with its tags."""
    found = {item["LoadBalancerArn"]: item for item in cloud.elbv2.pages("describe_load_balancers", "LoadBalancers")}
    tagged = tags_of(cloud, sorted(found))
    return [(found[arn], tags) for arn, tags in tagged.items() if tags.get(CLUSTER_TAG) == cluster]


def tags_of(cloud: Cloud, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of load balancers or target groups; what somebody has deleted meanwhile is not among them."""
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(arns), _TAGS_AT_ONCE):
        found |= _tags_at_once(cloud, arns[start : start + _TAGS_AT_ONCE])
    return found


def _tags_at_once(cloud: Cloud, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    try:
        said = cloud.elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"]
    except Absent:  # of one: ELB then tells of none
        each = [_tags_at_once(cloud, [arn]) for arn in arns] if len(arns) > 1 else []
        return {arn: tags for one in each for arn, tags in one.items()}
    return {item["ResourceArn"]: mapping(item["Tags"]) for item in said}


class LoadBalancer(Observed):
    """The load balancer of one Ingress or Service.

    ``stack`` is the controller's name for it: ``namespace/name``; ``tag`` tells Ingress from Service.
    Source: AWS Load Balancer Controller, "Ingress specification", resource tags.
    """

    kind = "elbv2.load_balancer"
    timeout = 15 * MINUTE
    usual = 3 * MINUTE
    exports = {"dns_name": "load_balancer.{name}"}

    stack: Input[str] = Input()
    tag: Input[str] = Input(default=INGRESS_TAG)

    arn = Output[str]()
    dns_name = Output[str]()
    zone_id = Output[str]()

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        matching = [item for item, tags in controlled(cloud, cluster_name(cloud)) if tags.get(self.tag) == self.stack]
        if matching:
            return _live(min(matching, key=lambda item: str(item.get("CreatedTime", ""))))
        if id is None:
            return None
        what = "Ingress" if self.tag == INGRESS_TAG else "Service"
        return Live(id, Status.PENDING, detail=f"the controller has made no load balancer for {what} {self.stack} yet")

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """Nothing: it goes with its Ingress or Service, and the barrier behind those waits for that."""
        return None

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        return ()


def _live(item: Mapping[str, Any]) -> Live:
    state = item.get("State", {})
    code, reason = state.get("Code", ""), state.get("Reason", "")
    outputs = {
        "arn": item["LoadBalancerArn"],
        "dns_name": item["DNSName"].lower(),
        "zone_id": item["CanonicalHostedZoneId"],
    }
    status = {"active": Status.READY, "active_impaired": Status.READY, "failed": Status.FAILED}.get(
        code, Status.PENDING
    )
    detail = f"{code}: {reason}" if reason else code
    return Live(item["LoadBalancerArn"], status, outputs=outputs, detail="" if code == "active" else detail)
