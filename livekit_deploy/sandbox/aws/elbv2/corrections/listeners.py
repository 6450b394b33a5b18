"""ELB's listeners: moto gives another certificate to those for HTTPS only.

Source: ELB API reference, ModifyListener.
"""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install


@corrected(ELBv2Backend)
def modify_listener(
    original: Original, backend: Any, arn: str, port: Any, protocol: Any, policy: Any, certificates: Any, *rest: Any
) -> Any:
    listener = original(arn, port, protocol, policy, certificates, *rest)
    if listener.protocol == "TLS" and certificates:
        listener.certificates = [one["CertificateArn"] for one in certificates]
        listener.certificate = listener.certificates[0]
    return listener
