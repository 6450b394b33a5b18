"""Who may reach what: media from the whole Internet to the media nodes, Redis only from the nodes.

Signalling (7880) and metrics (6789) are never open to the world: the first is reached through the load balancer, which
the controller lets in by rules of its own.
"""

from __future__ import annotations

from livekit_deploy.aws.kinds.ec2.routes import ANYWHERE
from livekit_deploy.aws.kinds.ec2.security_groups import SecurityGroup, SecurityGroupRule
from livekit_deploy.aws.kinds.elasticache.observed_groups import PORT
from livekit_deploy.config import LiveKit
from livekit_deploy.engine.inputs import Ref
from livekit_deploy.engine.resource import Resource
from livekit_deploy.provisioners.network import NetworkProvisioner


class SecurityProvisioner:
    """The groups ``media`` (on media nodes, beside the cluster's own) and ``redis``, with their rules."""

    def __init__(self, livekit: LiveKit, *, network: NetworkProvisioner) -> None:
        vpc = network.vpc.id
        self.media = SecurityGroup("media", vpc_id=vpc, description="LiveKit media: WebRTC to the nodes")
        self.redis = SecurityGroup("redis", vpc_id=vpc, description="Redis of LiveKit: from the nodes only")
        first, last = livekit.rtc.udp_ports
        self.rules = [
            self._open("rtc-udp", "udp", first, last, "WebRTC media"),
            self._open("rtc-tcp", "tcp", livekit.rtc.tcp_port, livekit.rtc.tcp_port, "WebRTC over TCP"),
        ]
        if livekit.turn is not None:
            port = livekit.turn.udp_port
            self.rules.append(self._open("turn-udp", "udp", port, port, "TURN over UDP"))
        self.media.works_with = tuple(self.rules)

    def _open(self, name: str, protocol: str, first: int, last: int, why: str) -> SecurityGroupRule:
        return SecurityGroupRule(
            name,
            group_id=self.media.id,
            protocol=protocol,
            first_port=first,
            last_port=last,
            cidr=ANYWHERE,
            description=why,
        )

    def admit_to_redis(self, cluster_group: Ref[str]) -> None:
        """Let in what carries the cluster's group: every node does, and so do the pods on them."""
        rule = SecurityGroupRule(
            "redis-nodes",
            group_id=self.redis.id,
            protocol="tcp",
            source=cluster_group,
            first_port=PORT,
            last_port=PORT,
            description="Redis from the nodes",
        )
        self.rules.append(rule)
        self.redis.works_with = (rule,)

    @property
    def resources(self) -> list[Resource]:
        return [self.media, self.redis, *self.rules]
