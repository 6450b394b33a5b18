"""What a plan says about money, and the limit of a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

import pytest
from pydantic import TypeAdapter
from rich.text import Text

from livekit_deploy.aws.kinds.ec2.nat import ElasticIp, NatGateway
from livekit_deploy.config import Environment
from livekit_deploy.costs import bill
from livekit_deploy.costs.prices import as_of
from livekit_deploy.engine.estimate import Estimate, Unpriced
from livekit_deploy.engine.plan import Action, Plan, PlannedChange
from livekit_deploy.engine.planner import Entry, Planned
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import TooExpensive
from livekit_deploy.render.costs import lines
from livekit_deploy.render.markdown import plan_markdown
from livekit_deploy.state.document import Phase, Record, State
from tests.unit.costs.priced import priced
from tests.unit.environments import TODAY, File

# ---- what a plan changes


GATEWAY, ADDRESS = NatGateway("a", subnet_id="subnet-1", allocation_id="eipalloc-1"), ElasticIp("a")


def _record(item: Resource, phase: Phase = Phase.READY) -> Record:
    return Record(phase, item.kind, item.desired(lambda ref: ref))


def _planned(state: Sequence[Record], *changes: tuple[Resource, Action]) -> Estimate:
    """The estimate of a plan on a state of records named ``a``."""
    records = {f"{record.kind}/a": record for record in state}
    made = [PlannedChange(item.address, action, "infrastructure") for item, action in changes]
    entries = {
        change.address: Entry(change, None if change.action is Action.DELETE else item, None, False)
        for change, (item, _) in zip(made, changes, strict=True)
    }
    plan = Plan("up", "l", 1, "d", tuple(made))
    return bill.of_plan(
        Planned(plan, entries), replace(State.new("livekit", "uat"), records=records), "us-east-1", TODAY
    )


def test_a_plan_says_what_it_adds_and_what_it_saves() -> None:
    more = _planned([_record(ADDRESS)], (GATEWAY, Action.CREATE), (ADDRESS, Action.NOOP))
    assert (more.usd_month_now, more.usd_month, more.usd_change) == (3.65, 36.5, 32.85)
    less = _planned([_record(ADDRESS), _record(GATEWAY)], (GATEWAY, Action.DELETE), (ADDRESS, Action.NOOP))
    assert (less.usd_month_now, less.usd_month, less.usd_change) == (36.5, 3.65, -32.85)
    assert [(line.address, line.usd_month_now, line.usd_month) for line in less.lines] == [
        ("ec2.elastic_ip/a", 3.65, 3.65),
        ("ec2.nat_gateway/a", 32.85, 0),
    ]


def test_what_a_step_leaves_alone_counts_as_it_is() -> None:
    step = _planned([_record(ADDRESS)], (GATEWAY, Action.CREATE))
    assert (step.usd_month_now, step.usd_month) == (3.65, 36.5)


@pytest.mark.parametrize("phase", [Phase.CREATING, Phase.READY])
def test_what_is_on_record_but_not_there_costs_nothing_now(phase: Phase) -> None:
    action = Action.RESUME if phase is Phase.CREATING else Action.CREATE
    again = _planned([_record(GATEWAY, phase)], (GATEWAY, action))
    assert (again.usd_month_now, again.usd_month) == (0, 32.85)


# ---- how it is said


def _estimate(now: float, after: float) -> Estimate:
    found = _planned([], (GATEWAY, Action.CREATE))
    return replace(found, usd_month_now=now, usd_month=after)


@pytest.mark.parametrize(
    ("now", "after", "said"),
    [
        (0, 412.4, "About $412 a month with this plan ("),
        (374, 412, "About $412 a month, +$38 with this plan ("),
        (1412.4, 374, "About $374 a month, -$1,038 with this plan ("),
        (412, 414.6, "About $415 a month, +$2.60 with this plan ("),
        (412, 412, "About $412 a month ("),
        (412, 0, "About $412 a month less with this plan ("),
    ],
)
def test_the_line_is_calm(now: float, after: float, said: str) -> None:
    (line, *_) = lines(_estimate(now, after), None)
    assert line.startswith(said)
    assert line.endswith(
        f"(list prices of {as_of()}, us-east-1; traffic, logs, backups and load balancer capacity units not counted)."
    )
    assert all(len(Text.from_markup(part).plain) <= 80 for part in lines(_estimate(now, after), 80))


def test_traffic_is_said_once_where_an_environment_is_made(file: File) -> None:
    made = priced(file.about("").load())
    assert made.usd_participant_hour == pytest.approx(0.79 * 0.09, abs=0.001)
    line = "Traffic out comes on top: about $0.07 an hour for each 720p picture that somebody receives."
    assert line in list(lines(made, None))
    assert not [one for one in lines(replace(made, usd_month_now=1.0), None) if "Traffic out" in one]
    assert not [one for one in lines(replace(made, usd_participant_hour=None), None) if "Traffic out" in one]
    env = file.about("guard: {max_monthly_cost: 5000}").load()
    (said,) = [one for one in lines(bill.guarded(made, env), None) if "Traffic out" in one]
    assert "guard.max_monthly_cost does not guard it" in said


def test_the_comment_on_a_pull_request_has_it_in_its_heading() -> None:
    changes = (PlannedChange(GATEWAY.address, Action.CREATE, "infrastructure"),)
    plan = Plan("up", None, 0, "d", changes, header={"env": "uat"}, cost=_estimate(374, 412))
    text = plan_markdown(plan)
    assert text.startswith("### uat: 1 changes, about $412 a month, +$38 with this plan\n")
    assert "traffic, logs" in text


def test_a_saved_plan_keeps_it() -> None:
    plan = Plan("up", None, 0, "d", (), cost=_estimate(374, 412))
    assert Plan.load(plan.dump()).cost == plan.cost
    assert Plan.load(replace(plan, cost=None).dump()).cost is None


# ---- the limit


def _limited(file: File, limit: int) -> Environment:
    return file.about(f"guard:\n  max_monthly_cost: {limit}").load()


def test_a_plan_above_the_limit_is_refused_by_place_parts_and_remedy(file: File) -> None:
    env = _limited(file, 150)
    with pytest.raises(TooExpensive) as refused:
        bill.keep_limit(priced(env), env)
    said = refused.value.message
    assert said.startswith(
        f"{file.path}:4:3: guard.max_monthly_cost is 150, and with this plan uat costs about $176.57 "
    )
    assert said.splitlines()[1:] == [
        "  $73.00  eks.cluster/main: control plane",
        "  $69.70  eks.node_group/media-0234: 1 c6i.large, 50 GiB gp3, 1 public IPv4 address",
        "  $23.73  elbv2.load_balancer/signal: load balancer, 2 public IPv4 addresses",
    ]
    assert refused.value.field == "guard.max_monthly_cost"
    assert "guard.max_monthly_cost" in refused.value.hint
    assert refused.value.exit_code == 3


def test_a_limit_from_an_override_is_named_as_such_and_what_has_no_price_with_it(file: File) -> None:
    text = "nodes: {media: {instance_types: [c99i.large]}}"
    env = file.about(text).load(overrides={"guard.max_monthly_cost": "1"})
    with pytest.raises(TooExpensive) as refused:
        bill.keep_limit(priced(env), env)
    assert refused.value.message.startswith("--set guard.max_monthly_cost: ")
    assert "Not priced and not counted: 1 c99i.large (eks.node_group/media-" in refused.value.message


@pytest.mark.parametrize(("now", "after"), [(0, 150), (900, 800), (900, 900), (900, 0)])
def test_what_keeps_the_limit_or_is_no_dearer_than_before_may_go_on(file: File, now: float, after: float) -> None:
    bill.keep_limit(_estimate(now, after), _limited(file, 150))


@pytest.mark.parametrize(
    ("now", "after", "unpriced", "verdict"),
    [
        (0, 150, (), "allowed"),
        (0, 151, (), "refused"),
        (900, 800, (), "allowed"),
        (0, 150, (Unpriced("x", "2 c99i.large"),), "unheld"),
        (0, 151, (Unpriced("x", "2 c99i.large"),), "refused"),
    ],
)
def test_what_the_limit_says_is_part_of_the_estimate(
    file: File, now: float, after: float, unpriced: tuple[Unpriced, ...], verdict: str
) -> None:
    found = bill.guarded(replace(_estimate(now, after), unpriced=unpriced), _limited(file, 150))
    assert found.guard is not None
    assert (found.guard.max_monthly_cost, found.guard.verdict) == (150, verdict)
    assert bool(found.guard.text) == (verdict != "allowed")
    assert TypeAdapter(Estimate).validate_json(json.dumps(asdict(found)), strict=True) == found
    warned = [line for line in lines(found, None) if line.startswith("Warning: ")]
    assert warned == (
        [
            "Warning: [bold yellow]guard.max_monthly_cost cannot be checked: there is no known price of 2 "
            "c99i.large (x).[/]"
        ]
        if verdict == "unheld"
        else []
    )


def test_without_a_limit_nothing_is_refused(file: File) -> None:
    env = file.about("").load()
    bill.keep_limit(_estimate(0, 1e6), env)
    assert bill.guarded(_estimate(0, 1e6), env).guard is None


@pytest.mark.parametrize("wrong", ["0", "-5", "much", "12.5"])
def test_a_limit_is_a_number_of_dollars(file: File, wrong: str) -> None:
    error = file.about(f"guard:\n  max_monthly_cost: {wrong}").refused()
    assert error.where == f"{file.path}:4:3"
    assert error.field == "guard.max_monthly_cost"
