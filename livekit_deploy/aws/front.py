"""What stands in front of LiveKit: its certificate, the load balancers that are waited for, and its DNS records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from livekit_deploy.aws.certificates import Certificate, Issued
from livekit_deploy.aws.dns import Record
from livekit_deploy.aws.load_balancers import INGRESS_TAG, SERVICE_TAG, LoadBalancer
from livekit_deploy.engine.inputs import Ref
from livekit_deploy.engine.resource import Resource

if TYPE_CHECKING:
    from livekit_deploy.config import LiveKit


def turn_domain(livekit: LiveKit) -> str | None:
    """The name under which TURN/TLS is reached, None where there is none: TURN/UDP is reached by address."""
    turn = livekit.turn
    return turn.domain if turn is not None and turn.tls else None


class CertificateProvisioner:
    """One certificate for LiveKit and TURN: that of the file, or one of ours with the records that validate it.

    ``arn`` is that of a certificate that is issued. Without ``hosted_zone`` the records are for the user to make;
    until then `acm.issued` is pending and says which.
    """

    def __init__(self, livekit: LiveKit) -> None:
        self.certificate: Certificate | None = None
        self.issued: Issued | None = None
        self.validations: list[Record] = []
        self.arn: str | Ref[str] = livekit.certificate
        if livekit.certificate != "auto":
            return
        turn = turn_domain(livekit)
        self.certificate = Certificate("signal", domain=livekit.domain, alternatives=[turn] if turn else [])
        if livekit.hosted_zone:
            self.validations = [
                Record(
                    f"validation-{proof.domain}",
                    zone=livekit.hosted_zone,
                    record=proof.name,
                    type="CNAME",
                    values=[proof.value],
                )
                for proof in self.certificate.validations()
            ]
        self.issued = Issued("signal", certificate_arn=self.certificate.arn, after=self.validations)
        self.arn = self.issued.arn

    @property
    def resources(self) -> list[Resource]:
        made: list[Resource | None] = [self.certificate, *self.validations, self.issued]
        return [item for item in made if item is not None]


class LoadBalancersProvisioner:
    """The ALB of LiveKit's Ingress and, with TURN/TLS, the NLB of its TURN Service, once the controller has made them.

    ``ingress`` and ``turn_service`` are ``namespace/name``; ``after`` is the release that asks for them.
    """

    def __init__(self, livekit: LiveKit, *, after: Sequence[Resource], ingress: str, turn_service: str) -> None:
        stage = "livekit"
        self.signal = LoadBalancer("signal", stack=ingress, tag=INGRESS_TAG, after=after, stage=stage)
        self.turn: LoadBalancer | None = None
        if turn_domain(livekit):
            self.turn = LoadBalancer("turn", stack=turn_service, tag=SERVICE_TAG, after=after, stage=stage)

    @property
    def resources(self) -> list[Resource]:
        return [self.signal, *([self.turn] if self.turn is not None else [])]


class DnsProvisioner:
    """The aliases of LiveKit's names, where the file names their hosted zone."""

    def __init__(self, livekit: LiveKit, *, load_balancers: LoadBalancersProvisioner) -> None:
        self.records: list[Record] = []
        turn = turn_domain(livekit)
        if livekit.hosted_zone:
            self.records.append(_alias(livekit.domain, livekit.hosted_zone, load_balancers.signal))
            if turn is not None and load_balancers.turn is not None:
                self.records.append(_alias(turn, livekit.hosted_zone, load_balancers.turn))

    @property
    def resources(self) -> list[Resource]:
        return list(self.records)


def _alias(domain: str, zone: str, target: LoadBalancer) -> Record:
    """By the load balancer's own zone, which differs by region and type."""
    alias = {"dns_name": target.dns_name, "zone_id": target.zone_id}
    return Record(domain, zone=zone, record=domain, type="A", alias=alias, stage="livekit")
