"""Checks the hosted zone, its delegation, the certificate, and access to the cluster's API."""

from __future__ import annotations

from ipaddress import ip_address

from livekit_deploy.aws.kinds.dns.hosted_zones import hosted_zone, nameservers_of
from livekit_deploy.checks.finding import Trouble
from livekit_deploy.checks.prerequisites.context import PrerequisitesContext
from livekit_deploy.checks.reach import NoAnswer
from livekit_deploy.checks.verify.balancers import good_certificate
from livekit_deploy.k8s.access.client import api_of
from livekit_deploy.provisioners.addresses import CLUSTER

#: says from which address it was asked (AWS, "Check your public IP address")
MY_ADDRESS = "checkip.amazonaws.com"


def zone(survey: PrerequisitesContext) -> str:
    """The hosted zone is in this account, and the domain is delegated to it."""
    name = survey.env.livekit.hosted_zone
    if name is None:
        return "no hosted zone is configured: you create the DNS records yourself"
    id = hosted_zone(survey.cloud, name)
    ours = nameservers_of(survey.cloud, id)
    theirs = survey.reach.nameservers(name)
    if not ours & theirs:
        raise Trouble(
            f"{name} is delegated to {', '.join(sorted(theirs)) or 'nobody'}",
            cause="the domain's registrar, or the zone above, does not name the nameservers of this hosted zone",
            remedy=f"set its NS records to {', '.join(sorted(ours))}",
        )
    return f"{name}, delegated to {min(ours & theirs)}"


def certificate(survey: PrerequisitesContext) -> str:
    """A certificate that is given by its ARN is issued, for the name, and does not end soon."""
    arn = survey.env.livekit.certificate
    if arn == "auto":
        where = survey.env.livekit.hosted_zone
        return f"from ACM, validated in {where}" if where else "from ACM; you create its validation records yourself"
    return f"until {good_certificate(survey.cloud, survey.env.livekit.domain, arn):%Y-%m-%d}"


def endpoint(survey: PrerequisitesContext) -> str:
    """The cluster's API answers from here or, before there is one, lets this address in."""
    record = survey.records.get(CLUSTER)
    if record is not None and record.outputs.get("endpoint"):
        api_of(survey.cloud).get("/apis")
        return "answers"
    cidrs = survey.env.cluster.public_cidrs
    if any(cidr.prefixlen == 0 for cidr in cidrs):
        return "open to every address"
    try:
        mine = survey.reach.ask("GET", MY_ADDRESS, "/").text.strip()
        inside = any(ip_address(mine) in cidr for cidr in cidrs)
    except (NoAnswer, ValueError) as error:
        raise Trouble(
            f"the public address of this machine is not known: {error}",
            cause=f"{MY_ADDRESS} cannot be reached from here",
            remedy="check the proxy, and that cluster.public_cidrs holds the address of this machine",
        ) from error
    if not inside:
        raise Trouble(
            f"this machine has the public address {mine}, which cluster.public_cidrs does not include",
            cause="the cluster's API answers only the ranges of cluster.public_cidrs",
            remedy=f"add {mine}/32 to cluster.public_cidrs, or run this on a machine inside those ranges",
        )
    return f"lets {mine} in"
