"""Waits for the load balancers that the load balancer controller makes for LiveKit.

We make none and delete none here: an Ingress or a Service asks the controller for one, and a barrier sees to it that
they are gone before the controller is. These resources wait until AWS has one and give its address to DNS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.foreign_groups import on_balancer
from livekit_deploy.aws.kinds.ec2.load_balancers import INGRESS_TAG, SERVICE_TAG, controlled, described
from livekit_deploy.aws.kinds.eks.cluster import cluster_name
from livekit_deploy.aws.kinds.states import LOAD_BALANCER
from livekit_deploy.engine.inputs import Input, Output, Ref
from livekit_deploy.engine.resource import MINUTE, Found, Live, Observed, Status
from livekit_deploy.k8s.access.client import PASSING, Obj, api_for, serves

#: on an Ingress or a Service: the ARN of its load balancer that somebody else deleted
DELETED_ANNOTATION = "livekit-deploy/deleted-load-balancer"
_OBJECTS = {
    INGRESS_TAG: ("Ingress", "/apis/networking.k8s.io/v1/namespaces/{}/ingresses/{}"),
    SERVICE_TAG: ("Service", "/api/v1/namespaces/{}/services/{}"),
}
_DELETED = "somebody else deleted the load balancer"


class LoadBalancer(Observed):
    """The load balancer of one Ingress or Service.

    ``stack`` is the controller's name for it: ``namespace/name``; ``tag`` tells Ingress from Service. The controller
    does not see that somebody deletes one in AWS: it looks at an Ingress or a Service when their annotations or spec
    change, and every ten hours. ``state`` is then not as wanted, and an annotation makes the controller look.
    Source: AWS Load Balancer Controller, "Ingress specification", resource tags, and its event handlers; its flag
    --sync-period.
    """

    kind = "elbv2.load_balancer"
    timeout = 15 * MINUTE
    usual = 3 * MINUTE
    exports = {"dns_name": "load_balancer.{name}"}
    #: an update asks for another one
    renewed = frozenset({"arn", "dns_name", "zone_id"})
    propagation = PASSING

    stack: Input[str] = Input()
    tag: Input[str] = Input(default=INGRESS_TAG)
    state: Input[str] = Input(default="the controller makes it")

    arn = Output[str]()
    dns_name = Output[str]()
    zone_id = Output[str]()

    @property
    def alias(self) -> Mapping[str, Ref[str]]:
        """What a DNS record needs that points to it."""
        return {"dns_name": self.dns_name, "zone_id": self.zone_id}

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        matching = [item for item, tags in controlled(cloud, cluster_name(cloud)) if tags.get(self.tag) == self.stack]
        if matching:
            return _live(cloud, min(matching, key=lambda item: str(item.get("CreatedTime", ""))))
        if id is not None and id.startswith("arn:") and (there := described(cloud, id)) is not None:
            return _live(cloud, there)  # a list that is late misses it
        return None if id is None else self._awaited(cloud, id)

    def _awaited(self, cloud: Cloud, id: str) -> Live:
        """One that is not there: never yet, or not any more, which the controller knows or not."""
        detail = f"the controller has made no load balancer for {self._what} {self.stack} yet"
        if not id.startswith("arn:") or not serves(self.host):
            return Live(id, Status.PENDING, detail=detail)
        item = self._object(cloud)
        if item is None or not (item.get("status") or {}).get("loadBalancer", {}).get("ingress"):
            return Live(id, Status.PENDING, detail=detail)  # the controller has it before it
        if (item["metadata"].get("annotations") or {}).get(DELETED_ANNOTATION) == id:
            return Live(id, Status.PENDING, detail=f"{_DELETED}: the controller is asked to make it again")
        return Live(id, Status.READY, {"state": _DELETED})

    @property
    def _what(self) -> str:
        return _OBJECTS[self.tag][0]

    def _where(self) -> str:
        return _OBJECTS[self.tag][1].format(*self.stack.split("/"))

    def _object(self, cloud: Cloud) -> Obj | None:
        return api_for(cloud, self).get(self._where())

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """Give the controller a reason to look; all else is its to change."""
        if "state" in changed and self.host is not None:
            api_for(cloud, self).annotate(self._where(), {DELETED_ANNOTATION: live.id})

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """Nothing: it goes with its Ingress or Service, and the barrier behind those waits for that."""
        return None

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        return ()


def _live(cloud: Cloud, item: Mapping[str, Any]) -> Live:
    state = item.get("State", {})
    code, reason = state.get("Code", ""), state.get("Reason", "")
    outputs = {
        "arn": item["LoadBalancerArn"],
        "dns_name": item["DNSName"].lower(),
        "zone_id": item["CanonicalHostedZoneId"],
    }
    warning, noted = f"{code}: {reason}" if reason else "", on_balancer(cloud, cluster_name(cloud), item)
    return LOAD_BALANCER.of(code).live(item["LoadBalancerArn"], outputs=outputs, warning=warning, noted=noted)
