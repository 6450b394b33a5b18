"""Service Quotas: the quotas of a new account for each thing that a deployment makes.

Source: "Service endpoints and quotas" of the AWS General Reference. The vCPUs are those of an account in use: a new
one may have five only.
"""

from __future__ import annotations

import json
from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.responses import ServiceQuotasResponse

Item = dict[str, Any]

#: service → quota code → its name and value
_QUOTAS: dict[str, dict[str, tuple[str, float]]] = {
    "vpc": {
        "L-F678F1CE": ("VPCs per Region", 5),
        "L-A4707A72": ("Internet gateways per Region", 5),
        "L-FE5A380F": ("NAT gateways per Availability Zone", 5),
        "L-407747CB": ("Subnets per VPC", 200),
        "L-E79EC296": ("VPC security groups per Region", 2500),
        "L-0EA8095F": ("Inbound or outbound rules per security group", 60),
        "L-2AFB9258": ("Security groups per network interface", 5),
    },
    "ec2": {
        "L-0263D0A3": ("EC2-VPC Elastic IPs", 5),
        "L-1216C47A": ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 640),
    },
    "eks": {
        "L-1194D53C": ("Clusters", 100),
        "L-6D54EA21": ("Managed node groups per cluster", 30),
        "L-BD136A63": ("Nodes per managed node group", 450),
    },
    "elasticache": {"L-DFE45DF3": ("Nodes per Region", 300)},
    "elasticloadbalancing": {
        "L-53DA6B97": ("Application Load Balancers per Region", 50),
        "L-69A177A2": ("Network Load Balancers per Region", 50),
    },
}


def install() -> None:
    """Correct Service Quotas."""
    for operation in ("get_service_quota", "get_aws_default_service_quota"):
        setattr(ServiceQuotasResponse, operation, _get)
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        setattr(ServiceQuotasResponse, operation, _list)


def _wire(response: Any, service: str, code: str) -> Item:
    name, value = _QUOTAS[service][code]
    partition, region, account = "aws", response.region, response.current_account
    return {
        "ServiceCode": service,
        "ServiceName": service,
        "QuotaArn": f"arn:{partition}:servicequotas:{region}:{account}:{service}/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def _get(response: Any) -> str:
    service, code = response._get_param("ServiceCode"), response._get_param("QuotaCode")
    if code not in _QUOTAS.get(service, {}):
        raise NoSuchResource
    return json.dumps({"Quota": _wire(response, service, code)})


def _list(response: Any) -> str:
    service = response._get_param("ServiceCode")
    if service not in _QUOTAS:
        raise NoSuchResource
    return json.dumps({"Quotas": [_wire(response, service, code) for code in _QUOTAS[service]]})
