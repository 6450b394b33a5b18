"""The Price List, which a plan asks for what the price table lacks."""

from __future__ import annotations

import json

from tests.sandbox.corrections.harness import ProbedAws, probe


@probe("Price List", fails="404")
def list_prices(world: ProbedAws) -> None:
    """does not have the service

    products of a region by usage type and attributes, with those that look alike, each with its price on demand
    """

    def usd(service: str, usage: str, **attributes: str) -> dict[str, float]:
        filters = [{"Type": "CONTAINS", "Field": "usagetype", "Value": usage}]
        for field, value in {"regionCode": "eu-central-1", **attributes}.items():
            filters.append({"Type": "TERM_MATCH", "Field": field, "Value": value})
        found = {}
        for text in world.pricing.get_products(ServiceCode=service, Filters=filters)["PriceList"]:
            listed = json.loads(text)
            (term,) = listed["terms"]["OnDemand"].values()
            (rate,) = term["priceDimensions"].values()
            found[listed["product"]["attributes"]["usagetype"]] = float(rate["pricePerUnit"]["USD"])
        return found

    assert set(usd("AmazonEC2", "NatGateway-Hours")) == {"EUC1-NatGateway-Hours", "EUC1-RegionalNatGateway-Hours"}
    node = "NodeUsage:cache.t4g.small"
    redis = usd("AmazonElastiCache", node, cacheEngine="Redis")
    valkey = usd("AmazonElastiCache", node, cacheEngine="Valkey")
    assert set(redis) == {f"EUC1-{node}", f"EUC1-ExtendedSupportYr1_Yr2-{node}"}
    assert set(valkey) == {f"EUC1-{node}"}
    assert valkey[f"EUC1-{node}"] < redis[f"EUC1-{node}"]
    box = usd("AmazonEC2", "BoxUsage:c6i.large", operatingSystem="Linux", tenancy="Shared", capacitystatus="Used")
    assert set(box) == {"EUC1-BoxUsage:c6i.large"}
    assert usd("AmazonEC2", "BoxUsage:c99i.large") == {}
