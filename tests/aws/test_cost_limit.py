"""A limit on the monthly cost: it refuses before anything is changed, and never the way down."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.kinds.ec2.nat import ElasticIp
from livekit_deploy.costs.price_list import PriceList
from livekit_deploy.costs.prices import Item, Prices, Told
from livekit_deploy.errors import TooExpensive
from livekit_deploy.state.store import FileStore
from tests.fakes import FakeClock

Make = Callable[[int, int | None], Deployer]


@pytest.fixture
def deployer(aws: None, tmp_path: Path) -> Make:
    """Of an environment of so many addresses, each $3.65 a month, with a limit."""

    def make(addresses: int, limit: int | None) -> Deployer:
        path = tmp_path / "uat.yaml"
        guard = f"guard: {{max_monthly_cost: {limit}}}\n" if limit else ""
        path.write_text(f"region: us-east-1\n{guard}livekit: {{domain: livekit.example.com}}\n")
        store = FileStore(tmp_path / "state.json", now=lambda: 1_000_000.0)
        resources = [ElasticIp(letter) for letter in "abc"[:addresses]]
        return Deployer(load_environment(path, environ={}), resources=resources, store=store, clock=FakeClock())

    return make


def _there() -> int:
    return len(boto3.client("ec2").describe_addresses()["Addresses"])


def test_a_plan_above_the_limit_changes_nothing_with_or_without_a_saved_plan(deployer: Make) -> None:
    limited = deployer(1, 3)
    plan = limited.plan()
    assert plan.cost is not None
    assert (plan.cost.usd_month_now, plan.cost.usd_month) == (0, 3.65)
    for given in (None, plan):
        with pytest.raises(TooExpensive, match=r"uat\.yaml:2:9: .* is 3, and with this plan uat costs about \$3\.65"):
            limited.up(given)
    assert (limited.status().records, _there()) == ([], 0)
    deployer(1, 4).up()
    assert _there() == 1


def test_a_saved_plan_without_an_estimate_is_held_to_the_limit_too(deployer: Make) -> None:
    limited = deployer(1, 3)
    with pytest.raises(TooExpensive):
        limited.up(replace(limited.plan(), cost=None))
    assert _there() == 0


def test_above_the_limit_nothing_may_be_added_and_everything_may_go(deployer: Make) -> None:
    deployer(2, None).up()
    with pytest.raises(TooExpensive):
        deployer(3, 1).up()
    assert deployer(2, 1).up().created == []
    less = deployer(1, 1)
    plan = less.plan()
    assert plan.cost is not None
    assert (plan.cost.usd_month_now, plan.cost.usd_month) == (7.3, 3.65)
    less.up(plan)
    assert _there() == 1
    down = deployer(1, 1).plan(destroy=True)
    assert down.cost is not None
    assert down.cost.guard is None, "nothing keeps the way down"
    assert deployer(1, 1).down().leftovers == []
    assert _there() == 0


def test_prices_are_asked_for_where_a_plan_is_shown_and_never_to_delete(
    deployer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Item] = []

    def ask(self: PriceList, items: Collection[Item]) -> Told:
        asked.extend(items)
        return Told()

    monkeypatch.setattr(PriceList, "__call__", ask)
    monkeypatch.setattr(Prices, "listed", lambda self, item: False)
    deployer(1, None).up()
    for destroy in (False, True):
        asked.clear()
        deployer(1, None).plan(destroy=destroy)
        assert asked == [Item("public_ipv4")]
    asked.clear()
    deployer(1, None).down()
    assert asked == []
