"""Certificate, DNS records, load balancers, and the tag index of the account."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.permissions.statement import Scope, Statement

_BALANCER_READS = (
    *("DescribeLoadBalancers", "DescribeLoadBalancerAttributes", "DescribeListeners"),
    *("DescribeTargetGroups", "DescribeTargetHealth", "DescribeTags"),
)


def statements(scope: Scope) -> Iterator[Statement]:
    """A certificate and records for the environment's own names; load balancers of its own cluster."""
    yield Statement("TagIndex", "tag", ("GetResources",), conditions=scope.in_region)
    yield Statement("BalancersLook", "elasticloadbalancing", _BALANCER_READS, conditions=scope.in_region)
    yield Statement(
        "BalancersSweep",
        "elasticloadbalancing",
        ("ModifyLoadBalancerAttributes", "DeleteLoadBalancer", "DeleteTargetGroup"),
        [
            scope.arn("elasticloadbalancing", f"{kind}/*/*")
            for kind in ("loadbalancer/app", "loadbalancer/net", "targetgroup")
        ],
        {"StringEquals": {"aws:ResourceTag/elbv2.k8s.aws/cluster": scope.cluster}},
    )
    yield from _certificate(scope)
    yield from _records(scope)


def _domains(scope: Scope) -> list[str]:
    livekit = scope.env.livekit
    turn = livekit.turn.domain if livekit.turn else None
    return [livekit.domain, *([turn] if turn else [])]


def _certificate(scope: Scope) -> Iterator[Statement]:
    arns = [scope.arn("acm", "certificate/*")]
    yield from _others(scope)
    yield Statement("AcmLook", "acm", ("DescribeCertificate", "ListTagsForCertificate"), arns)
    if scope.env.livekit.certificate != "auto":
        return
    named = {"ForAllValues:StringEquals": {"acm:DomainNames": _domains(scope)}}
    yield Statement("AcmMake", "acm", ("RequestCertificate",), conditions={**scope.tagging, **named})
    yield Statement("AcmTag", "acm", ("AddTagsToCertificate",), arns, scope.marking)
    yield Statement("AcmDelete", "acm", ("DeleteCertificate",), arns, scope.tagged)


def _others(scope: Scope) -> Iterator[Statement]:
    """Who else is validated by a record of ours: the same one serves the account's certificates in all regions."""
    if scope.env.livekit.certificate == "auto" and scope.env.livekit.hosted_zone:
        yield Statement("AcmList", "acm", ("ListCertificates",))
        yield Statement("AcmRegions", "ec2", ("DescribeRegions",), conditions=scope.in_region)


def _records(scope: Scope) -> Iterator[Statement]:
    if scope.env.livekit.hosted_zone is None:
        return
    zones = [f"arn:{scope.partition}:route53:::hostedzone/*"]
    names = [name for domain in _domains(scope) for name in (domain, f"_*.{domain}")]
    yield Statement("DnsFind", "route53", ("ListHostedZonesByName",))
    yield Statement("DnsLook", "route53", ("ListResourceRecordSets", "GetHostedZone"), zones)
    yield Statement(
        "DnsChange",
        "route53",
        ("ChangeResourceRecordSets",),
        zones,
        {"ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": names}},
    )
