"""What an environment costs: sums made by hand, and what is not counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from livekit_deploy.config import Environment
from livekit_deploy.costs import bill
from livekit_deploy.costs.prices import Item, Prices, Told, as_of, regions
from livekit_deploy.engine.estimate import Estimate, Unpriced
from livekit_deploy.render.costs import lines
from livekit_deploy.stack import stack
from tests.fakes import Fake
from tests.kinds import kinds
from tests.unit.costs.priced import priced
from tests.unit.environments import TODAY, File

#: what every environment with a TURN domain pays for in us-east-1: control plane, two secrets
BASE = 0.10 * 730 + 2 * 0.40


def _preset(file: File, preset: str) -> Environment:
    return file.write(
        f"preset: {preset}\nregion: us-east-1\ncluster: {{public_cidrs: [203.0.113.0/24]}}\n"
        "livekit: {domain: livekit.example.com}\n"
    ).load()


def _balancers(count: int, zones: int) -> float:
    return count * 730 * (0.0225 + zones * 0.005)


# ---- sums


def test_the_smallest_environment_costs_what_its_parts_do(file: File) -> None:
    found = priced(file.about("").load())
    node = 730 * 0.085 + 50 * 0.08 + 730 * 0.005
    assert found.usd_month == pytest.approx(BASE + node + 730 * 0.0128 + _balancers(1, 2), abs=0.03)
    assert (found.usd_month_now, found.unpriced, found.region) == (0, (), "us-east-1")
    assert [line.what for line in found.lines if line.address.startswith("eks.node_group")] == [
        "1 c6i.large, 50 GiB gp3, 1 public IPv4 address"
    ]


def test_nodes_count_by_number_type_disk_and_address_and_private_ones_have_none(file: File) -> None:
    env = file.about(
        """\
network: {nat: single, availability_zones: 3}
nodes:
  media: {instance_types: [c7i.2xlarge, c6i.2xlarge], desired: 3, max: 4, disk_gib: 100}
  system: {instance_types: [t3.medium], desired: 2}
redis: {engine: redis, version: "7.1", node_type: cache.m7g.large, replicas: 2}
cluster: {secrets_key: true}"""
    ).load()
    media = 3 * (730 * 0.357 + 100 * 0.08 + 730 * 0.005)
    system = 2 * (730 * 0.0416 + 50 * 0.08)
    nat = 730 * (0.045 + 0.005)
    expected = BASE + media + system + nat + 3 * 730 * 0.158 + 1.00 + _balancers(1, 3)
    assert priced(env).usd_month == pytest.approx(expected, abs=0.05)


def test_valkey_costs_less_than_redis(file: File) -> None:
    valkey = priced(file.about("redis: {node_type: cache.t4g.small}").load())
    redis = priced(file.about('redis: {engine: redis, version: "7.1", node_type: cache.t4g.small}').load())
    assert redis.usd_month - valkey.usd_month == pytest.approx(730 * (0.032 - 0.0256), abs=0.01)


def test_an_engine_in_extended_support_costs_more_for_each_node(file: File) -> None:
    env = file.about('redis: {engine: redis, version: "6.2", replicas: 1}').load()
    more = Item("engine_extension", env.redis.node_type)
    assert priced(env, date(2027, 1, 31)).unpriced == ()
    after = priced(env, date(2027, 2, 1))
    assert [one.what for one in after.unpriced] == [f"2 {more}"], "the table has no such price, and guesses none"
    asked = bill.of_stack(stack(env), env.region, date(2027, 2, 1), lambda items: Told({more: 0.01}))
    assert asked.usd_month == pytest.approx(after.usd_month + 2 * 730 * 0.01, abs=0.02)


def test_a_version_in_extended_support_costs_six_times_as_much(file: File) -> None:
    env = file.about('cluster: {version: "1.34"}').load()
    before, after = priced(env, date(2026, 12, 2)), priced(env, date(2026, 12, 3))
    assert after.usd_month - before.usd_month == pytest.approx(5 * 73)
    assert "control plane, its extended support" in [line.what for line in after.lines]


# ---- what has no price


def test_what_the_table_does_not_have_is_named_and_not_guessed(file: File) -> None:
    env = file.about(
        """\
nodes:
  media: {instance_types: [c99i.large], desired: 2}
  system: {instance_types: [t3.medium], capacity: spot}
redis: {node_type: cache.x9g.large}"""
    ).load()
    found = priced(env)
    assert [one.what for one in found.unpriced] == [
        "2 c99i.large",
        "1 t3.medium at the spot price",
        "1 cache.x9g.large (valkey)",
    ]
    disks = 3 * (50 * 0.08 + 730 * 0.005)
    assert found.usd_month == pytest.approx(BASE + disks + _balancers(1, 2), abs=0.03), "the rest is counted"
    said = " ".join(lines(found, None))
    assert "Not counted, as no price is known: 2 c99i.large (eks.node_group/media-" in said


def test_a_region_that_the_table_does_not_have_is_said_once(file: File) -> None:
    found = priced(file.write("region: ap-south-2\nlivekit: {domain: livekit.example.com}\n").load())
    covered = ", ".join(regions())
    assert found.unpriced == (Unpriced("", f"anything in ap-south-2 (only in {covered})"),)
    (line, *_) = lines(found, None)
    assert line.startswith("Not counted, as no price is known: anything in ap-south-2 (")
    assert Prices("ap-south-2").left("ec2.nat_gateway") is None


def test_another_region_has_its_own_prices_and_only_those(file: File) -> None:
    found = priced(file.write("region: eu-central-1\nlivekit: {domain: livekit.example.com}\n").load())
    node = 730 * 0.097 + 50 * 0.0952 + 730 * 0.005
    assert found.usd_month == pytest.approx(BASE + node + 730 * (0.027 + 2 * 0.005), abs=0.03)
    assert [one.what for one in found.unpriced] == ["1 cache.t4g.micro (valkey)"]


# ---- what is asked of AWS


def _list_of(region: str, usd: dict[Item, float], why_not: str = "") -> Callable[[Collection[Item]], Told]:
    """A price list that knows these, and must be asked for nothing that our own table has."""

    def ask(items: Collection[Item]) -> Told:
        assert not [item for item in items if Prices(region).listed(item)]
        return Told({item: usd[item] for item in items if item in usd}, why_not)

    return ask


def test_only_what_the_table_lacks_is_asked_for_and_the_line_says_so(file: File) -> None:
    env = file.write("region: eu-central-1\nlivekit: {domain: livekit.example.com}\n").load()
    node = Item("valkey", "cache.t4g.micro")
    found = bill.of_stack(stack(env), env.region, TODAY, _list_of(env.region, {node: 0.0152}))
    assert (found.unpriced, found.asked, found.asked_on) == ((), ("cache.t4g.micro (valkey)",), TODAY.isoformat())
    assert found.usd_month == pytest.approx(priced(env).usd_month + 730 * 0.0152, abs=0.01)
    (line, *_) = lines(found, None)
    assert f"(list prices of {as_of()}, eu-central-1; asked of AWS on {TODAY}: cache.t4g.micro (valkey); " in line
    assert TypeAdapter(Estimate).validate_json(json.dumps(asdict(found)), strict=True) == found


def test_a_region_that_the_table_does_not_have_is_priced_by_what_aws_tells(file: File) -> None:
    env = file.write("region: ap-south-2\nlivekit: {domain: livekit.example.com}\n").load()
    told = {Item("cluster"): 0.1, Item("gp3_gib"): 0.09}
    found = bill.of_stack(stack(env), env.region, TODAY, _list_of(env.region, told))
    assert found.usd_month == pytest.approx(73 + 50 * 0.09)
    assert {one.what for one in found.unpriced} >= {"1 c6i.large", "load balancer", "secret"}
    assert next(lines(found, None)).startswith(
        f"About $78 a month with this plan (list prices asked of AWS on {TODAY}, ap-south-2; "
    )


def test_a_price_list_that_does_not_answer_leaves_all_as_it_was_and_says_why(file: File) -> None:
    env = file.write("region: eu-central-1\nlivekit: {domain: livekit.example.com}\n").load()
    found = bill.of_stack(stack(env), env.region, TODAY, _list_of(env.region, {}, "it did not answer within 2 s"))
    assert replace(found, not_told="") == priced(env)
    assert [*lines(found, None)][-1].endswith(" AWS's price list was not read: it did not answer within 2 s.")


@pytest.mark.parametrize("preset", ["dev", "uat", "prod"])
def test_of_a_preset_where_the_table_is_whole_nothing_is_asked(file: File, preset: str) -> None:
    env = _preset(file, preset)

    def ask(items: Collection[Item]) -> Told:
        raise AssertionError(items)

    assert bill.of_stack(stack(env), env.region, TODAY, ask).lines


def test_sizes_of_a_family_cost_in_proportion() -> None:
    sizes = {"micro": 1 / 8, "small": 1 / 4, "medium": 1 / 2, "large": 1, "xlarge": 2, "2xlarge": 4, "4xlarge": 8}
    sizes |= {f"{count}xlarge": 2 * count for count in (8, 9, 12, 16, 18, 24, 32, 48)} | {"nano": 1 / 16}
    table = json.loads((Path(bill.__file__).parent / "prices.json").read_text(encoding="utf-8"))
    for region in table["regions"].values():
        for item in ("instance", "valkey", "redis"):
            for family, prices in region.get(item, {}).items():
                unit = [price / sizes[size] for size, price in prices.items()]
                assert max(unit) / min(unit) < 1.07, (item, family, "a slip of the pen?")


def test_a_kind_of_somebody_else_is_named() -> None:
    found = bill.of_stack([Fake("a")], "us-east-1", TODAY)
    assert found.unpriced == (Unpriced("fake.thing/a", "a kind that the price table does not know"),)


def test_what_was_rebuilt_without_its_size_is_named() -> None:
    piece = bill.Piece("eks.node_group", {"instance_types": ["c6i.large"], "capacity": "ON_DEMAND"}, ())
    found = bill.estimate({}, {"eks.node_group/x": piece}, "us-east-1", TODAY)
    assert found.unpriced == (Unpriced("eks.node_group/x", "its size is not on record"),)


def test_every_kind_has_a_price_or_is_said_to_be_free(file: File) -> None:
    ours = {name for name, kind in kinds().items() if kind.__module__.startswith("livekit_deploy.")}
    assert ours == bill.FREE | bill.PRICED
    assert not bill.FREE & bill.PRICED


@pytest.mark.parametrize("preset", ["dev", "uat", "prod"])
def test_every_preset_has_a_price_for_everything(file: File, preset: str) -> None:
    env = _preset(file, preset)
    assert priced(env).unpriced == ()
