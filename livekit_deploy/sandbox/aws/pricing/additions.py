"""The Price List, which moto lacks: products with attributes, usage types and near misses as AWS has them.

The prices are made up, the same in every region. What is real is what a reader must get right: that a usage type
carries its region's prefix, that others look alike, and that a product and its price come as JSON in a string.
Source: AWS Price List Query API reference, GetProducts.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto import backend_index
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.exceptions import JsonRESTError
from moto.core.responses import BaseResponse
from moto.ec2.models.instance_types import INSTANCE_TYPES

Item = dict[str, Any]
Product = tuple[str, str, Mapping[str, str], str, float]  # service, usage type, attributes, unit, dollars

_VCPU, _CACHE_LARGE, _VALKEY = 0.05, 0.16, 0.8
_SIZES = {"micro": 0.125, "small": 0.25, "medium": 0.5, "large": 1.0, "xlarge": 2.0, "2xlarge": 4.0, "4xlarge": 8.0}
_FAMILIES = ("t3", "t4g", "m6g", "m7g", "r6g", "r7g")
_ENGINES = {"Redis": ("CreateCacheCluster:0002", 1.0), "Valkey": ("CreateCacheCluster:Valkey", _VALKEY)}
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "TERM_MATCH": lambda value, wanted: value == wanted,
    "EQUALS": lambda value, wanted: value == wanted,
    "CONTAINS": lambda value, wanted: wanted in value,
}


class PriceListResponse(BaseResponse):  # type: ignore[misc]
    """Answers GetProducts."""

    def __init__(self) -> None:
        super().__init__(service_name="pricing")

    def get_products(self) -> str:
        """Every product that all filters match."""
        filters = self._get_param("Filters", [])
        region = next((one["Value"] for one in filters if one["Field"] == "regionCode"), self.region)
        found = [
            json.dumps(_wire(product, region, number))
            for number, product in enumerate(_products(_prefix(region)))
            if product[0] == self._get_param("ServiceCode") and _matches(_attributes(product, region), filters)
        ]
        return json.dumps({"FormatVersion": "aws_v1", "PriceList": found})


class PriceListBackend(BaseBackend):  # type: ignore[misc]
    """Holds nothing: list prices belong to no account."""

    @property
    def _url_module(self) -> Any:
        return sys.modules[__name__]


#: what moto reads of a service: the host that clients ask, and the one that its server makes of a signature
url_bases = [r"https?://(api\.)?pricing\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/$": PriceListResponse.dispatch}
pricing_backends = BackendDict(PriceListBackend, "pricing")


def install() -> None:
    """Give moto the service."""
    sys.modules["moto.pricing"] = sys.modules[__name__]
    backend_index.backend_url_patterns.append(("pricing", re.compile(url_bases[0])))


def _prefix(region: str) -> str:
    """``EUC1`` for eu-central-1."""
    area, where, number = region.split("-")[-3:]
    return f"{area}{where[0]}{number}".upper()


def _products(prefix: str) -> Iterator[Product]:
    yield "AmazonEKS", f"{prefix}-AmazonEKS-Hours:perCluster", {}, "hours", 0.10
    yield "AmazonEKS", f"{prefix}-AmazonEKS-Hours:extendedSupport", {}, "hours", 0.50
    yield "AmazonEC2", f"{prefix}-NatGateway-Hours", {}, "Hrs", 0.05
    yield "AmazonEC2", f"{prefix}-RegionalNatGateway-Hours", {}, "Hrs", 0.06
    yield "AmazonEC2", f"{prefix}-EBS:VolumeUsage.gp3", {"volumeApiName": "gp3"}, "GB-Mo", 0.09
    yield "AmazonVPC", f"{prefix}-PublicIPv4:InUseAddress", {}, "Hrs", 0.005
    for kind in ("Application", "Network"):
        operation = {"operation": f"LoadBalancing:{kind}"}
        yield "AWSELB", f"{prefix}-LoadBalancerUsage", operation, "Hrs", 0.025
        yield "AWSELB", f"{prefix}-TS-LoadBalancerUsage", operation, "Hrs", 0.0055
    yield "awskms", f"{prefix}-KMS-Keys", {}, "Keys", 1.0
    yield "AWSSecretsManager", f"{prefix}-AWSSecretsManager-Secrets", {}, "Secrets", 0.4
    yield from _instances(prefix)
    yield from _cache_nodes(prefix)


def _instances(prefix: str) -> Iterator[Product]:
    for name, about in INSTANCE_TYPES.items():
        usd = _VCPU * about["VCpuInfo"]["DefaultVCpus"]
        for system, dearer in (("Linux", 1), ("Windows", 2)):
            kind = {"instanceType": name, "operatingSystem": system, "tenancy": "Shared"}
            rest = {"preInstalledSw": "NA", "capacitystatus": "Used"}
            yield "AmazonEC2", f"{prefix}-BoxUsage:{name}", {**kind, **rest}, "Hrs", usd * dearer


def _cache_nodes(prefix: str) -> Iterator[Product]:
    for name, factor in ((f"cache.{family}.{size}", _SIZES[size]) for family in _FAMILIES for size in _SIZES):
        for engine, (operation, part) in _ENGINES.items():
            kind = {"instanceType": name, "cacheEngine": engine, "operation": operation}
            usd = _CACHE_LARGE * factor * part
            yield "AmazonElastiCache", f"{prefix}-NodeUsage:{name}", kind, "Hrs", usd
            if engine == "Redis":
                extended = f"{prefix}-ExtendedSupportYr1_Yr2-NodeUsage:{name}"
                yield "AmazonElastiCache", extended, kind, "Hrs", usd * 0.8


def _attributes(product: Product, region: str) -> dict[str, str]:
    service, usage, attributes, _, _ = product
    return {"servicecode": service, "regionCode": region, "usagetype": usage, **attributes}


def _matches(attributes: Mapping[str, str], filters: list[Item]) -> bool:
    for one in filters:
        if one["Type"] not in _MATCHES:
            raise JsonRESTError("InvalidParameterException", f"the filter type {one['Type']} is not known")
        if not _MATCHES[one["Type"]](attributes.get(one["Field"], ""), one["Value"]):
            return False
    return True


def _wire(product: Product, region: str, number: int) -> Item:
    """One product with its price on demand, as the API gives it."""
    service, _, _, unit, usd = product
    sku = f"{number:016X}"
    rate = {"unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": f"{usd:.10f}"}}
    term = {"sku": sku, "offerTermCode": "JRTCKXETXF", "priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": rate}}
    return {
        "product": {"sku": sku, "attributes": _attributes(product, region)},
        "serviceCode": service,
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
    }
