"""What AWS's Price List is asked for, and that a plan never waits for it or fails by it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from livekit_deploy.aws.access.account import Account, Identity
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.costs.price_list import PriceList
from livekit_deploy.costs.prices import Item, Told

#: every kind of item, with what the sandbox's list has for it
PRICES = {
    Item("cluster"): 0.10,
    Item("extended_support"): 0.50,
    Item("nat_gateway"): 0.05,
    Item("public_ipv4"): 0.005,
    Item("load_balancer"): 0.025,
    Item("gp3_gib"): 0.09,
    Item("kms_key"): 1.0,
    Item("secret"): 0.4,
    Item("instance", "c6i.large"): 0.1,
    Item("valkey", "cache.t4g.small"): 0.032,
    Item("redis", "cache.t4g.small"): 0.04,
    Item("engine_extension", "cache.t4g.small"): 0.032,
}
Listen = Callable[..., Any]


def _cloud(region: str = "eu-north-1", event: str = "before-call", listen: Listen | None = None) -> Cloud:
    """AWS of a region, whose calls of the Price List are heard."""

    def watch(client: Any) -> None:
        if listen is not None:
            client.meta.events.register(f"{event}.pricing.GetProducts", listen)

    clients = Clients(region, instrument=watch, opened=boto3.DEFAULT_SESSION)
    return Cloud(clients, OwnershipTags("livekit", "uat"))


def test_each_item_is_found_among_those_that_look_alike(aws: None) -> None:
    told = PriceList(_cloud(), patience=60)([*PRICES, Item("instance", "c99i.large"), Item("redis", "cache.x9.large")])
    assert told.usd == pytest.approx(PRICES)
    assert told.why_not == ""


def test_all_are_asked_for_at_the_same_time_and_each_once(aws: None) -> None:
    together = threading.Barrier(len(PRICES))

    def meet(**_: Any) -> None:
        together.wait(60)

    asking = PriceList(_cloud(listen=meet), patience=60)
    first = asking(list(PRICES))
    assert first.usd.keys() == PRICES.keys()
    assert asking(list(PRICES)) == first, "a second round would wait for nobody at the barrier"


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [("eu-north-1", "eu-central-1"), ("ap-southeast-2", "ap-south-1"), ("ca-central-1", "us-east-1")],
)
def test_the_nearest_of_the_three_endpoints_is_asked_with_the_callers_region(
    aws: None, region: str, endpoint: str
) -> None:
    asked: list[tuple[str, Any]] = []

    def listen(request: Any, **_: Any) -> None:
        filters = {one["Field"]: one["Value"] for one in json.loads(request.body)["Filters"]}
        asked.append((request.url, filters["regionCode"]))

    told = PriceList(_cloud(region, "before-send", listen), patience=60)([Item("cluster")])
    assert told.usd == {Item("cluster"): 0.10}
    assert asked == [(f"https://api.pricing.{endpoint}.amazonaws.com/", region)]


def test_a_list_that_does_not_answer_is_not_waited_for(aws: None) -> None:
    never = threading.Event()

    def hang(**_: Any) -> None:
        never.wait(60)
        raise ReadTimeoutError(endpoint_url="pricing")  # nothing leaves once the test is over

    asking = PriceList(_cloud(listen=hang), patience=0.05)
    assert asking([Item("cluster")]) == Told({}, "it did not answer within 0.05 s")
    assert asking([Item("cluster")]) == Told({}, "it did not answer within 0.05 s"), "and is not asked again"
    never.set()


def test_where_there_are_no_dollars_nothing_is_asked() -> None:
    who = Identity("123456789012", "arn:aws-cn:iam::123456789012:user/me", str)
    cloud = replace(_cloud("cn-north-1"), account=Account(identity=who))
    told = PriceList(cloud)([Item("cluster")])
    assert told == Told({}, "there is none in dollars for the partition aws-cn")


LISTED = {"product": {"attributes": {"usagetype": "EUN1-NatGateway-Hours"}}, "terms": {"OnDemand": {}}}


def _rate(usd: str, currency: str = "USD") -> dict[str, Any]:
    terms = {"OnDemand": {usd: {"priceDimensions": {usd: {"pricePerUnit": {currency: usd}}}}}}
    return {**LISTED, "terms": terms}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([], Told()),
        ([LISTED], Told()),
        ([_rate("0.05")], Told({Item("nat_gateway"): 0.05})),
        ([_rate("0.05"), _rate("0.0000000000")], Told({Item("nat_gateway"): 0.05})),
        ([_rate("0.05"), _rate("0.06")], Told()),
        ([_rate("0.3", "CNY")], Told()),
        ([{"product": {}}], Told({}, "its answer cannot be read")),
        ([_rate("a lot")], Told({}, "its answer cannot be read")),
    ],
)
def test_what_is_ambiguous_or_makes_no_sense_is_not_guessed(aws: None, answer: list[Any], expected: Told) -> None:
    def listen(parsed: dict[str, Any], **_: Any) -> None:
        parsed["PriceList"] = [json.dumps(one) for one in answer]

    assert PriceList(_cloud(event="after-call", listen=listen), patience=60)([Item("nat_gateway")]) == expected
