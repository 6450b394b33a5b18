"""Service quotas that a check before the first deployment reads."""

from __future__ import annotations

from tests.sandbox.corrections.harness import ProbedAws, probe, refused

_QUOTAS = {
    "vpc": {"L-F678F1CE": 5, "L-FE5A380F": 5, "L-0EA8095F": 60},
    "ec2": {"L-0263D0A3": 5, "L-1216C47A": 640},
    "eks": {"L-1194D53C": 100},
}


@probe("Service Quotas", fails="NoSuchResourceException")
def quotas_of_what_is_built(world: ProbedAws) -> None:
    """knows quotas of VPC only

    VPCs, NAT gateways and rules; elastic IPs and vCPUs; clusters; ElastiCache's nodes
    """
    for service, quotas in _QUOTAS.items():
        for code, value in quotas.items():
            said = world.service_quotas.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
            assert (said["QuotaCode"], said["ServiceCode"], said["Value"]) == (code, service, value)
    assert world.service_quotas.list_service_quotas(ServiceCode="elasticache")["Quotas"]
    with refused("NoSuchResourceException"):
        world.service_quotas.get_service_quota(ServiceCode="eks", QuotaCode="L-00000000")


@probe("Service Quotas", fails="NotImplementedError")
def quotas_are_listed(world: ProbedAws) -> None:
    """cannot list the quotas that an account has

    those of one service, page by page
    """
    first = world.service_quotas.list_service_quotas(ServiceCode="vpc", MaxResults=2)
    assert len(first["Quotas"]) == 2
    pages = world.service_quotas.get_paginator("list_service_quotas").paginate(
        ServiceCode="vpc", PaginationConfig={"PageSize": 2}
    )
    found = [one["QuotaCode"] for page in pages for one in page["Quotas"]]
    assert set(_QUOTAS["vpc"]) <= set(found)
    assert len(found) == len(set(found))
