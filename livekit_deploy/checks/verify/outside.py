"""Checks LiveKit from outside, as a user sees it: DNS, HTTPS, and the API with a signed token."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.aws.kinds.dns.records import find_alias
from livekit_deploy.checks.finding import Trouble
from livekit_deploy.checks.reach import KINDS, NoAnswer
from livekit_deploy.checks.verify import causes
from livekit_deploy.checks.verify.context import VerifyContext
from livekit_deploy.provisioners.addresses import LIVEKIT, SIGNAL, TURN

#: status of the first page → why that usually is, and what to do
_ANSWERS = {
    404: ("the Ingress is for another host", "see what differs: livekit-deploy plan; up corrects it"),
    503: ("the load balancer has no healthy target for this host", "see the checks targets and pods"),
}
_TIMES = (
    "connections do not get through: the load balancer's security group or scheme, or a proxy on the way from here",
    "see the group k8s-livekit-… for TCP 443 from anywhere, and HTTPS_PROXY here",
)


def dns(look: VerifyContext) -> str:
    """The names lead to the load balancers."""
    names = list(_names(look))
    wrong = [one for one in names if not _leads(look, *one)]
    if wrong:
        seen = "; ".join(_seen(look, domain, target) for domain, target in wrong)
        cause, remedy = _why(look, *wrong[0])
        raise Trouble(seen, cause=cause, remedy=remedy)
    return ", ".join(domain for domain, _ in names)


def _names(look: VerifyContext) -> Iterator[tuple[str, str]]:
    """Each name with the load balancer that it should lead to."""
    yield look.env.livekit.domain, str(look.outputs(SIGNAL)["dns_name"])
    if (domain := look.env.livekit.turn_domain) and TURN in look.records:
        yield domain, str(look.outputs(TURN)["dns_name"])


def _leads(look: VerifyContext, domain: str, target: str) -> bool:
    """In each family that the name has addresses of, one is the load balancer's: it shows a few of many."""
    return bool(look.reach.addresses(domain)) and not _astray(look, domain, target)


def _astray(look: VerifyContext, domain: str, target: str) -> list[str]:
    """The types of records, A or AAAA, that lead somewhere else."""
    here = {kind: look.reach.addresses(domain, kind) for kind in KINDS}
    return [kind for kind, found in here.items() if found and not found & look.reach.addresses(target, kind)]


def _seen(look: VerifyContext, domain: str, target: str) -> str:
    here = look.reach.addresses(domain)
    seen = f"{domain} leads to {', '.join(sorted(here))}" if here else f"{domain} does not resolve"
    return seen if look.env.livekit.hosted_zone else f"{seen}; make the record: {domain} CNAME {target}"


def _why(look: VerifyContext, domain: str, target: str) -> tuple[str, str]:
    zone = look.env.livekit.hosted_zone
    if _astray(look, domain, target) == ["AAAA"]:
        where = f"the hosted zone {zone}" if zone else "the domain's DNS"
        return (
            "an AAAA record of another host is left: callers with IPv6 go there, and the load balancers have IPv4",
            f"delete the AAAA record of {domain} in {where}",
        )
    if zone is None:
        return "no hosted_zone is configured: you create this record yourself", "create it at the domain's DNS provider"
    alias = find_alias(look.cloud, zone, domain)
    if alias != target:
        return f"the zone {zone} has {alias or 'no alias'} for it", "write the alias again: livekit-deploy up"
    return (
        f"the alias is in Route53: {zone} is not delegated to its nameservers, or the change has not propagated yet",
        f"compare: dig NS {zone}, with the nameservers of the hosted zone",
    )


def https(look: VerifyContext) -> str:
    """LiveKit's page answers 200 over HTTPS, with a certificate that is to be trusted."""
    domain = look.env.livekit.domain
    try:
        answer = look.reach.ask("GET", domain, "/")
    except NoAnswer as error:
        raise Trouble(
            f"https://{domain} gives no answer: {error.message}", cause=_TIMES[0], remedy=_TIMES[1]
        ) from error
    if answer.status != 200:
        cause, remedy = _ANSWERS.get(
            answer.status, ("LiveKit itself gives this answer", f"see: kubectl logs -n {LIVEKIT} deployment/{LIVEKIT}")
        )
        raise Trouble(f"https://{domain} answers {answer.status} {answer.text[:80]}", cause=cause, remedy=remedy)
    return f"https://{domain} answers 200"


def api(look: VerifyContext) -> str:
    """LiveKit takes a token that is signed with the key in Secrets Manager."""
    if look.rooms.status in (401, 403):
        raise Trouble(
            f"ListRooms answers {look.rooms.status}: the token is refused",
            cause="the pods have another key than Secrets Manager: the secret was changed and the pods were not",
            remedy="give them the new key, which restarts them: livekit-deploy up",
        )
    return "takes a signed token"


def redis(look: VerifyContext) -> str:
    """LiveKit lists rooms, which it reads from Redis."""
    if look.rooms.status != 200:
        seen = f"ListRooms answers {look.rooms.status} {look.rooms.text[:120]}"
        if said := causes.cause_in_logs(look.api):
            raise Trouble(f"{seen}; the log says: {said[1][:200]}", cause=said[0].why, remedy=said[0].remedy)
        raise Trouble(
            seen,
            cause="the pods cannot reach Redis: its security group does not admit the nodes', or it is failing over",
            remedy="see whether a rule is missing: livekit-deploy plan; see the events of the replication group",
        )
    return "ListRooms answers"
