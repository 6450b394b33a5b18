"""Asks AWS's Price List for prices that our own table lacks. If that fails, a plan continues without them.

Each product is found by its region and its usage type, such as ``EUC1-NatGateway-Hours``, whose prefix stands for the
region and is not always there. What is found twice at two prices is not guessed.
Source: AWS Billing user guide, "Finding services and products using AWS Price List Query API"; the usage types are
those of the price list itself.
"""

from __future__ import annotations

import contextvars
import json
import math
import re
import threading
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from livekit_deploy.aws.access.account import Account
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.partitions import PRICED
from livekit_deploy.costs.prices import Item, Told
from livekit_deploy.errors import Denied, DeployError, ResourceError

_ACTION = "pricing:GetProducts"
#: how the names of regions begin that are nearer to another endpoint than to `_FAR`: each has the prices of all regions
_NEAR = {"eu": "eu-central-1", "il": "eu-central-1", "me": "eu-central-1", "ap": "ap-south-1"}
_FAR = "us-east-1"
_CANNOT_READ = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


@dataclass(frozen=True)
class _Product:
    """Where an item is in the price list; ``usage`` and ``attributes`` say ``{type}`` for the item's type."""

    service: str
    usage: str
    attributes: Mapping[str, str] = field(default_factory=dict)


_LINUX = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}
_PRODUCTS = {
    "cluster": _Product("AmazonEKS", "AmazonEKS-Hours:perCluster"),
    "extended_support": _Product("AmazonEKS", "AmazonEKS-Hours:extendedSupport"),
    "nat_gateway": _Product("AmazonEC2", "NatGateway-Hours"),
    "public_ipv4": _Product("AmazonVPC", "PublicIPv4:InUseAddress"),
    "load_balancer": _Product("AWSELB", "LoadBalancerUsage", {"operation": "LoadBalancing:Application"}),
    "gp3_gib": _Product("AmazonEC2", "EBS:VolumeUsage.gp3", {"volumeApiName": "gp3"}),
    "kms_key": _Product("awskms", "KMS-Keys"),
    "secret": _Product("AWSSecretsManager", "AWSSecretsManager-Secrets"),
    "instance": _Product("AmazonEC2", "BoxUsage:{type}", {"instanceType": "{type}", **_LINUX}),
    "valkey": _Product("AmazonElastiCache", "NodeUsage:{type}", {"instanceType": "{type}", "cacheEngine": "Valkey"}),
    "redis": _Product("AmazonElastiCache", "NodeUsage:{type}", {"instanceType": "{type}", "cacheEngine": "Redis"}),
    "engine_extension": _Product(
        "AmazonElastiCache",
        "ExtendedSupportYr1_Yr2-NodeUsage:{type}",
        {"instanceType": "{type}", "cacheEngine": "Redis"},
    ),
}


class PriceList:
    """Asks for each item once, all at the same time, and waits ``patience`` seconds at most for all of them."""

    def __init__(self, cloud: Cloud, *, patience: float = 2.0) -> None:
        self._ours, self._patience = cloud, patience
        self._usd: dict[Item, float | None] = {}
        self._why_not = ""

    def __call__(self, items: Collection[Item]) -> Told:
        """What it says of them."""
        if new := [item for item in items if item not in self._usd]:
            self._usd |= dict.fromkeys(new)
            self._why_not = self._ask(new)
        return Told({item: usd for item in items if (usd := self._usd[item]) is not None}, self._why_not)

    def _ask(self, items: Iterable[Item]) -> str:
        """Learn their prices; why some could not be had, or ""."""
        if self._ours.identity.partition != PRICED:
            return f"there is none in dollars for the partition {self._ours.identity.partition}"
        cloud = self._near()
        asked = {item: _started(cloud, self._ours.region, item) for item in items}
        done, late = wait(asked.values(), timeout=self._patience)
        wrong = [_reason(error) for one in done if (error := one.exception()) is not None]
        self._usd |= {item: one.result() for item, one in asked.items() if one in done and one.exception() is None}
        return f"it did not answer within {self._patience:g} s" if late else next(iter(wrong), "")

    def _near(self) -> Cloud:
        """The nearest endpoint. An attempt may take ``patience`` seconds, and a quarter of a call is for connecting."""
        endpoint = _NEAR.get(self._ours.region.partition("-")[0], _FAR)
        clients = self._ours.clients.beside(endpoint, call_bound=4 * self._patience)
        return Cloud(clients, self._ours.ownership, account=Account(parallelism=16))


def _started(cloud: Cloud, region: str, item: Item) -> Future[float | None]:
    """The price to come; its thread keeps nobody from ending."""
    price = Future[float | None]()

    def work() -> None:
        try:
            price.set_result(_price(cloud, region, item))
        except (DeployError, *_CANNOT_READ) as error:
            price.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True).start()
    return price


def _price(cloud: Cloud, region: str, item: Item) -> float | None:
    product = _PRODUCTS[item.name]
    usage = product.usage.format(type=item.type)
    wanted = {"regionCode": region, **{key: value.format(type=item.type) for key, value in product.attributes.items()}}
    filters = [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in wanted.items()]
    filters.append({"Type": "CONTAINS", "Field": "usagetype", "Value": usage})
    said = cloud.once.pricing.get_products(ServiceCode=product.service, Filters=filters)
    # TS-LoadBalancerUsage, RegionalNatGateway-Hours and ExtendedSupportYr1_Yr2-NodeUsage:… are something else
    ours = re.compile(rf"([A-Z]{{2,4}}\d?-|{region}-)?{re.escape(usage)}")
    listed = [json.loads(text) for text in said["PriceList"]]
    prices = {
        usd for one in listed if ours.fullmatch(one["product"]["attributes"]["usagetype"]) for usd in _on_demand(one)
    }
    return prices.pop() if len(prices) == 1 else None


def _on_demand(listed: Mapping[str, Any]) -> Iterable[float]:
    """What is asked for a unit, free ones left out."""
    for term in listed["terms"].get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            usd = float(dimension["pricePerUnit"].get("USD", 0))
            if usd < 0 or not math.isfinite(usd):
                raise ValueError(f"{usd} is no price")
            if usd:
                yield usd


def _reason(error: BaseException) -> str:
    if isinstance(error, Denied):
        return f"the action {_ACTION} is denied"
    if isinstance(error, ResourceError):
        return f"it did not answer ({error.code})"
    return error.message if isinstance(error, DeployError) else "its answer cannot be read"
