"""Checks the load balancers with their listeners, targets and certificates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.states import CERTIFICATE, GOING, LOAD_BALANCER, TARGET
from livekit_deploy.checks.finding import Trouble
from livekit_deploy.checks.verify.context import VerifyContext
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.errors import Absent
from livekit_deploy.provisioners.addresses import SIGNAL, TURN

HTTPS = 443
#: ACM renews what it can 60 days ahead: who is this near the end will not be renewed
_SOON = timedelta(days=14)

#: reason of a target that is not healthy → why that usually is, and what to do
_TARGETS = {
    "Target.Timeout": (
        "the nodes do not let the load balancer in: exactly one security group of a node may carry the cluster's tag",
        "see the groups of the node's interface, and the rules that the controller keeps in the cluster's group",
    ),
    "Target.ResponseCodeMismatch": (
        "LiveKit answers 406: it cannot reach Redis. Running calls continue, new ones are refused",
        "see its log, and the check redis",
    ),
}
_NO_TARGET = (
    "the load balancer controller registers pods that are ready, if its role allows it",
    f"see: kubectl logs -n {CONTROLLER.namespace} -l {CONTROLLER.pods}",
)


def load_balancer(look: VerifyContext) -> str:
    """LiveKit's load balancer is active and listens for HTTPS with a certificate."""
    return _listens(look, SIGNAL)


def targets(look: VerifyContext) -> str:
    """What stands behind LiveKit's load balancer is healthy."""
    return _healthy(look, SIGNAL)


def turn(look: VerifyContext) -> str:
    """The load balancer of TURN/TLS is active, listens for TLS, and has a healthy target."""
    _listens(look, TURN)
    return _healthy(look, TURN)


def _listens(look: VerifyContext, address: str) -> str:
    arn = look.outputs(address)["arn"]
    try:
        state = look.cloud.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"].only["State"]
    except Absent:
        raise Trouble(
            f"the load balancer {look.outputs(address)['dns_name']} is gone",
            cause="somebody deleted it in AWS, which the controller does not see by itself for hours",
            remedy="have the controller make it again, and DNS point to it: livekit-deploy up",
        ) from None
    if not LOAD_BALANCER.of(state["Code"]).usable:
        raise Trouble(
            f"the load balancer is {state['Code']}",
            cause=state.get("Reason", ""),
            remedy="wait, and run: livekit-deploy verify",
        )
    if not _certificate(look, address):
        raise Trouble(
            f"the load balancer has no listener on {HTTPS} with a certificate",
            cause="the listener was deleted, or the controller may not make it: its role, or the certificate's region",
            remedy=f"see: kubectl logs -n {CONTROLLER.namespace} -l {CONTROLLER.pods}",
        )
    return f"active, listens on {HTTPS}"


def _certificate(look: VerifyContext, address: str) -> str:
    """The ARN of the certificate that the load balancer shows."""
    listeners = look.cloud.elbv2.describe_listeners(LoadBalancerArn=look.outputs(address)["arn"])["Listeners"]
    shown = [one.get("Certificates") for one in listeners if one["Port"] == HTTPS]
    first = (shown[0] if shown else None) or [{}]
    return str(first[0].get("CertificateArn", ""))


def _healthy(look: VerifyContext, address: str) -> str:
    arn = look.outputs(address)["arn"]
    groups = look.cloud.elbv2.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    states = [
        health["TargetHealth"]
        for group in groups
        for health in look.cloud.elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])[
            "TargetHealthDescriptions"
        ]
    ]
    seen = [TARGET.of(one["State"]) for one in states]
    wrong = [one for one, what in zip(states, seen, strict=True) if not (what.usable or what.meaning is GOING)]
    healthy = sum(what.usable for what in seen)
    if wrong or not healthy:
        said = wrong[0] if wrong else {"State": "none is registered"}
        cause, remedy = _TARGETS.get(said.get("Reason", ""), _NO_TARGET)
        told = " ".join(filter(None, (said["State"], said.get("Reason"), said.get("Description"))))
        raise Trouble(f"{healthy} of {len(states)} targets are healthy: {told}", cause=cause, remedy=remedy)
    return f"{healthy} healthy"


def certificate(look: VerifyContext) -> str:
    """The certificates that the load balancers show are issued, for the right names, and do not end soon."""
    shown = [(look.env.livekit.domain, SIGNAL)]
    if (domain := look.env.livekit.turn_domain) and TURN in look.records:
        shown.append((domain, TURN))
    return "until " + min(
        f"{good_certificate(look.cloud, domain, _certificate(look, address)):%Y-%m-%d}" for domain, address in shown
    )


def good_certificate(cloud: Cloud, domain: str, arn: str) -> datetime:
    """When the certificate ends. Raises `Trouble` unless it is issued, for ``domain``, and not about to end."""
    found = cloud.acm.describe_certificate(CertificateArn=arn)["Certificate"]
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", [])}
    if not any(_covers(name, domain) for name in names):
        raise Trouble(
            f"{arn} is for {', '.join(sorted(names))}, not for {domain}",
            cause="another certificate was put on the listener, or livekit.certificate names the wrong one",
            remedy="correct livekit.certificate, or run: livekit-deploy up",
        )
    end: datetime = found["NotAfter"].astimezone(UTC)
    if not CERTIFICATE.of(found["Status"]).usable or end < datetime.now(UTC) + _SOON:
        raise Trouble(
            f"the certificate of {domain} is {found['Status'].lower()}, ends {end:%Y-%m-%d}",
            cause="ACM renews its own certificates while their validation record is in DNS; imported ones it cannot",
            remedy="keep the validation CNAME (the state shows it), or import a new certificate",
        )
    return end


def _covers(pattern: str, host: str) -> bool:
    return pattern == host or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:])
