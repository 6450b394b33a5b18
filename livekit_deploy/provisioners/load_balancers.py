"""The load balancers that the load balancer controller makes for LiveKit, if the file asks for them."""

from __future__ import annotations

from collections.abc import Sequence

from livekit_deploy.aws.kinds.ec2.load_balancers import INGRESS_TAG, SERVICE_TAG
from livekit_deploy.config import LiveKit
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.load_balancers import LoadBalancer


class LoadBalancersProvisioner:
    """The ALB of LiveKit's Ingress and, with TURN/TLS, the NLB of its TURN Service, once the controller has made them.

    ``ingress`` and ``turn_service`` are ``namespace/name``; ``after`` is the release that asks for them.
    """

    def __init__(
        self, livekit: LiveKit, *, cluster: Resource, after: Sequence[Resource], ingress: str, turn_service: str
    ) -> None:
        stage = "livekit"
        self.signal = LoadBalancer("signal", stack=ingress, tag=INGRESS_TAG, lives_in=cluster, after=after, stage=stage)
        self.turn: LoadBalancer | None = None
        if livekit.turn_domain:
            self.turn = LoadBalancer(
                "turn", stack=turn_service, tag=SERVICE_TAG, lives_in=cluster, after=after, stage=stage
            )

    @property
    def resources(self) -> list[Resource]:
        return [self.signal, *([self.turn] if self.turn is not None else [])]
