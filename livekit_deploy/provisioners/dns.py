"""The certificate and the DNS records of LiveKit."""

from __future__ import annotations

from livekit_deploy.aws.kinds.dns.certificates import Certificate, Issued
from livekit_deploy.aws.kinds.dns.records import Record
from livekit_deploy.config import LiveKit
from livekit_deploy.engine.inputs import Ref
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.load_balancers import LoadBalancer
from livekit_deploy.provisioners.load_balancers import LoadBalancersProvisioner


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
        turn = livekit.turn_domain
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


class DnsProvisioner:
    """The aliases of LiveKit's names for its ``balancers``, where the file names their hosted zone."""

    def __init__(self, livekit: LiveKit, balancers: LoadBalancersProvisioner) -> None:
        self.records: list[Record] = []
        domain = livekit.turn_domain
        if livekit.hosted_zone:
            self.records.append(_alias(livekit.domain, livekit.hosted_zone, balancers.signal))
            if domain is not None and balancers.turn is not None:
                self.records.append(_alias(domain, livekit.hosted_zone, balancers.turn))

    @property
    def resources(self) -> list[Resource]:
        return list(self.records)


def _alias(domain: str, zone: str, target: LoadBalancer) -> Record:
    return Record(domain, zone=zone, record=domain, type="A", alias=target.alias, stage="livekit")
