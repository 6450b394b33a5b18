"""ACM: certificates are issued when their validation records are in DNS, cannot be deleted while in use, and are listed
by key type.

moto issues a certificate after a minute, whatever is in DNS, deletes it at any time, and lists those of every key.
Source: ACM user guide, "DNS validation"; ACM API reference, DeleteCertificate and ListCertificates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.acm.models import AWSCertificateManagerBackend, CertBundle
from moto.acm.responses import AWSCertificateManagerResponse
from moto.core.exceptions import AWSError
from moto.elbv2.models import elbv2_backends

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original
from livekit_deploy.sandbox.aws.route53.names import found, plain
from livekit_deploy.sandbox.clock import SandboxClock, clock

corrected = Corrections()
install = corrected.install

#: AWS's seconds from the record to the certificate
ISSUANCE = 75.0
#: what ACM finds out when it looks at the records; any other reason shows at once
_FOUND_LATE = {"CAA_ERROR", "DOMAIN_VALIDATION_DENIED"}


#: the type of a certificate for which none was asked, and those that are listed where none is named
_USUAL_KEY, _LISTED_KEYS = "RSA_2048", ("RSA_1024", "RSA_2048")


class CertificateInUse(AWSError):  # type: ignore[misc]
    TYPE = "ResourceInUseException"


@corrected(CertBundle)
def check(original: Original, certificate: Any) -> None:
    """moto's own idea of it, that time alone issues a certificate, is left out."""


@corrected(CertBundle)
def describe(original: Original, certificate: Any) -> dict[str, Any]:
    found: dict[str, Any] = original()
    if key := certificate.__dict__.get("_sandbox_key"):
        found["Certificate"]["KeyAlgorithm"] = key
    if certificate.status == "FAILED":
        found["Certificate"]["FailureReason"] = certificate.__dict__["_sandbox_failure"]
    return found


@corrected(AWSCertificateManagerBackend)
def get_certificate(original: Original, backend: Any, arn: str) -> Any:
    certificate = original(arn)
    certificate.in_use_by = list(_users(backend, arn))
    if certificate.type == "AMAZON_ISSUED" and certificate.status == "PENDING_VALIDATION":
        _validate(backend, certificate, clock())
    return certificate


@corrected(AWSCertificateManagerBackend)
def delete_certificate(original: Original, backend: Any, arn: str) -> None:
    users = list(_users(backend, arn))
    if users:
        raise CertificateInUse(message=f"Certificate {arn} in account {backend.account_id} is in use by {users[0]}.")
    original(arn)


@corrected(AWSCertificateManagerResponse)
def request_certificate(original: Original, response: Any) -> Any:
    answer = original()
    made = response.acm_backend._certificates[answer.result["CertificateArn"]]
    made.__dict__["_sandbox_key"] = response._get_param("KeyAlgorithm") or _USUAL_KEY
    return answer


@corrected(AWSCertificateManagerResponse)
def list_certificates(original: Original, response: Any) -> Any:
    answer = original()
    kinds = (response._get_param("Includes") or {}).get("keyTypes") or _LISTED_KEYS
    found = [one for one in answer.result["CertificateSummaryList"] if one["KeyAlgorithm"] in kinds]
    for one in found:
        one["SubjectAlternativeNameSummaries"] = one.get("SubjectAlternativeNames", [])
    answer.result["CertificateSummaryList"] = found
    return answer


def will_fail(certificate: Any, reason: str) -> None:
    """Let a certificate end as FAILED, with ACM's reason for it (ACM API reference, CertificateDetail)."""
    certificate.__dict__["_sandbox_failure"] = reason
    if reason not in _FOUND_LATE:
        certificate.status = "FAILED"


def _validate(backend: Any, certificate: Any, clock: SandboxClock) -> None:
    options = certificate.describe()["Certificate"]["DomainValidationOptions"]
    if not all(_seen(one["ResourceRecord"]["Name"], one["ResourceRecord"]["Value"]) for one in options):
        certificate.__dict__.pop("_sandbox_seen", None)
        return
    seen = certificate.__dict__.setdefault("_sandbox_seen", clock.now())
    if clock.passed(seen, ISSUANCE):
        certificate.status = "FAILED" if "_sandbox_failure" in certificate.__dict__ else "ISSUED"


def _seen(name: str, value: str) -> bool:
    """Whether public DNS says so: by the zones that the name is delegated to."""
    records = found(name) or []
    return any(one.type == "CNAME" and plain(value) in map(plain, one.records) for one in records)


def _users(backend: Any, arn: str) -> Iterator[str]:
    for balancer in elbv2_backends[backend.account_id][backend.region_name].load_balancers.values():
        for listener in balancer.listeners.values():
            if any(_names(certificate) == arn for certificate in listener.certificates or []):
                yield balancer.arn


def _names(certificate: Any) -> str:
    return str(
        certificate.get("CertificateArn") or certificate.get("certificate_arn")
        if isinstance(certificate, dict)
        else certificate
    )
