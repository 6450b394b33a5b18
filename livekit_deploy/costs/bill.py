"""Estimates what an environment costs a month by AWS's list prices, what a plan changes, and checks the limit.

An estimate, not a bill: it counts what is paid for by the hour or month because it is there. What is paid for by use
(traffic, logs, backups, load balancer capacity units) cannot be known beforehand. A node group counts with the nodes
that the file or the state asks for, not with those that an autoscaler added. What the price table lacks is asked of
whoever is given to ask, and only that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from livekit_deploy.config import Environment
from livekit_deploy.config.checks import in_extended_support
from livekit_deploy.config.redis_checks import in_engine_extension
from livekit_deploy.costs.prices import Ask, Item, Prices, Told, as_of, regions
from livekit_deploy.engine.estimate import Estimate, Guard, Line, Unpriced
from livekit_deploy.engine.plan import UNKNOWN, Action, unknown
from livekit_deploy.engine.planner import Planned
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import TooExpensive
from livekit_deploy.state.document import Phase, State

#: kinds that AWS asks nothing for, or only by use
FREE = frozenset(
    """acm.certificate acm.issued barrier.calls_drained barrier.load_balancers_gone barrier.network_interfaces_gone
    barrier.volumes_gone ec2.flow_log ec2.internet_gateway ec2.launch_template ec2.route_table ec2.security_group
    ec2.security_group_rule ec2.subnet ec2.vpc ec2.vpc_endpoint eks.access_entry eks.addon elasticache.parameter_group
    elasticache.subnet_group helm.release iam.oidc_provider iam.policy iam.role k8s.namespace k8s.secret kms.alias
    logs.log_group route53.record""".split()  # noqa: SIM905
)
_LIMIT = "guard.max_monthly_cost"
_LARGEST = 3  # parts that a refusal names


@dataclass(frozen=True)
class Piece:
    """A resource as far as its price goes, from the stack or from the state; ``deps`` are what it comes after."""

    kind: str
    inputs: Mapping[str, Any]
    deps: tuple[str, ...]

    @classmethod
    def of(cls, item: Resource) -> Piece:
        """What the configuration asks for; of what no price looks at, only the kind."""
        if item.kind not in _LOOKED_AT:
            return cls(item.kind, {}, ())
        deps = tuple(other.address for other in item.dependencies())
        return cls(item.kind, item.desired(lambda ref: UNKNOWN), deps)


Pieces = Mapping[str, Piece]


@dataclass(frozen=True)
class Charge:
    """What is counted: so many of an item; ``item`` is None where there is no list price to look for."""

    what: str
    item: Item | None
    count: int = 1


def _table_only(items: Collection[Item]) -> Told:
    return Told()


def of_plan(
    planned: Planned, state: State | None, region: str, today: date | None = None, ask: Ask = _table_only
) -> Estimate:
    """What is recorded and there, and what will be once the plan is carried out."""
    changes = planned.plan.all
    made = {change.address for change in changes if change.action is Action.CREATE}
    now = {
        address: Piece(record.kind, record.inputs, record.deps)
        for address, record in (state.records.items() if state else ())
        if record.phase is not Phase.CREATING and address not in made
    }
    after = dict(now)
    for change in changes:
        item = planned.entries[change.address].resource
        if item is None or change.action is Action.DELETE:
            after.pop(change.address, None)
        else:
            after[change.address] = Piece.of(item)
    return estimate(now, after, region, today or date.today(), ask)


def priced(planned: Planned, state: State | None, env: Environment, ask: Ask) -> Planned:
    """The plan with what it costs and, unless it is one of `down`, what the file's limit says to that."""
    cost = of_plan(planned, state, env.region, ask=ask)
    cost = cost if planned.plan.command == "down" else guarded(cost, env)
    return replace(planned, plan=replace(planned.plan, cost=cost))


def of_stack(resources: Iterable[Resource], region: str, today: date | None = None, ask: Ask = _table_only) -> Estimate:
    """What resources cost that are all yet to be made."""
    return estimate({}, {item.address: Piece.of(item) for item in resources}, region, today or date.today(), ask)


def estimate(now: Pieces, after: Pieces, region: str, today: date, ask: Ask = _table_only) -> Estimate:
    """Each address that is paid for, what comes first in the graph first."""
    before, then = _Bill(now, today), _Bill(after, today)
    charges = {
        address: (list(before.charges(address)), list(then.charges(address)))
        for address in dict.fromkeys([*after, *now])
    }
    items = dict.fromkeys(one.item for pair in charges.values() for some in pair for one in some if one.item)
    lacking = [item for item in items if not Prices(region).listed(item)]
    told = ask(lacking) if lacking else Told()
    prices = Prices(region, told.usd)
    lines, unpriced = [], dict[Unpriced, None]()
    for address, (old, new) in charges.items():
        what = ", ".join(one.what for one in new or old if _usd(prices, one) is not None)
        if what:
            lines.append(Line(address, what, _sum(prices, old), _sum(prices, new)))
        unpriced |= {Unpriced(address, one.what): None for one in (*new, *old) if _usd(prices, one) is None}
    if unpriced and not lines and region not in regions():
        unpriced = {Unpriced("", f"anything in {region} (only in {', '.join(regions())})"): None}
    return Estimate(
        region=region,
        as_of=as_of() if len(lacking) < len(items) or not told.usd else "",
        usd_month_now=round(sum((line.usd_month_now for line in lines), 0.0), 2),
        usd_month=round(sum((line.usd_month for line in lines), 0.0), 2),
        lines=tuple(lines),
        unpriced=tuple(unpriced),
        asked=tuple(map(str, told.usd)),
        asked_on=today.isoformat() if told.usd else "",
        not_told=told.why_not,
        usd_participant_hour=prices.participant_hour,
    )


def _usd(prices: Prices, charge: Charge) -> float | None:
    """Dollars a month; None for what has no price."""
    one = prices.monthly(charge.item) if charge.item else None
    return None if one is None else charge.count * one


def _sum(prices: Prices, charges: Iterable[Charge]) -> float:
    return round(sum((_usd(prices, one) or 0.0 for one in charges), 0.0), 2)


class _Bill:
    """What is paid for among the pieces of one environment."""

    def __init__(self, pieces: Pieces, today: date) -> None:
        self._pieces, self._today = pieces, today

    def charges(self, address: str) -> Iterator[Charge]:
        """What is paid for at an address; nothing for what is free or not there."""
        piece = self._pieces.get(address)
        if piece is None or piece.kind in FREE:
            return
        if piece.kind not in _CHARGES:
            yield Charge("a kind that the price table does not know", None)
            return
        charges, needed = _CHARGES[piece.kind]
        if all(_told(piece.inputs.get(key)) for key in needed):
            yield from charges(self, piece)
        else:
            yield Charge("its size is not on record", None)

    def cluster(self, piece: Piece) -> Iterator[Charge]:
        """EKS pricing: a version in extended support costs five times as much again."""
        yield from self.one("cluster")
        if in_extended_support(str(piece.inputs["version"]), self._today):
            yield from self.one("extended_support")

    def node_group(self, piece: Piece) -> Iterator[Charge]:
        """Instances of the first type, their disks, and an address each in public subnets."""
        count, kind = int(piece.inputs["desired_size"]), str(piece.inputs["instance_types"][0])
        if not count:
            return
        if piece.inputs["capacity"] == "SPOT":
            yield Charge(f"{count} {kind} at the spot price", None)
        else:
            yield Charge(f"{count} {kind}", Item("instance", kind), count)
        near = [self._pieces[address] for address in piece.deps if address in self._pieces]
        gib = count * sum(one.inputs.get("disk_gib") or 0 for one in near if one.kind == "ec2.launch_template")
        yield Charge(f"{gib} GiB gp3", Item("gp3_gib"), gib)
        if any(_public_subnet(one) for one in near):
            yield _addresses(count)

    def replication_group(self, piece: Piece) -> Iterator[Charge]:
        """ElastiCache pricing: by node, Valkey costs less than Redis, and an engine in extended support more."""
        engine, kind = str(piece.inputs["engine"]), str(piece.inputs["node_type"])
        count, node = int(piece.inputs["replicas"]) + 1, Item(engine, kind)
        yield Charge(f"{count} {node}", node, count)
        if in_engine_extension(engine, str(piece.inputs.get("version")), self._today):
            more = Item("engine_extension", kind)
            yield Charge(f"{count} {more}", more, count)

    def load_balancer(self, piece: Piece) -> Iterator[Charge]:
        """It faces the Internet, with one address in each public subnet."""
        yield from self.one("load_balancer")
        zones = sum(_public_subnet(one) for one in self._pieces.values())
        if zones:
            yield _addresses(zones)

    def one(self, name: str) -> Iterator[Charge]:
        """Something that costs the same whatever its inputs."""
        yield Charge(str(Item(name)), Item(name))


def _addresses(count: int) -> Charge:
    plural = "" if count == 1 else "es"
    return Charge(f"{count} public IPv4 address{plural}", Item("public_ipv4"), count)


def _told(value: Any) -> bool:
    """Whether an input says something: what was rebuilt from tags may lack some, and one may wait for another."""
    return value is not None and not unknown(value)


def _public_subnet(piece: Piece) -> bool:
    return piece.kind == "ec2.subnet" and bool(piece.inputs.get("public"))


#: kind → what it is charged for, and the inputs that say how much
_CHARGES: Mapping[str, tuple[Callable[[_Bill, Piece], Iterator[Charge]], tuple[str, ...]]] = {
    "eks.cluster": (_Bill.cluster, ("version",)),
    "eks.node_group": (_Bill.node_group, ("desired_size", "instance_types", "capacity")),
    "elasticache.replication_group": (_Bill.replication_group, ("engine", "node_type", "replicas")),
    "elbv2.load_balancer": (_Bill.load_balancer, ()),
    "ec2.nat_gateway": (lambda bill, _: bill.one("nat_gateway"), ()),
    "ec2.elastic_ip": (lambda bill, _: iter([_addresses(1)]), ()),
    "kms.key": (lambda bill, _: bill.one("kms_key"), ()),
    "secretsmanager.secret": (lambda bill, _: bill.one("secret"), ()),
}
#: kinds that are paid for because they are there
PRICED = frozenset(_CHARGES)
_LOOKED_AT = PRICED | {"ec2.launch_template", "ec2.subnet"}


def guarded(cost: Estimate, env: Environment) -> Estimate:
    """The estimate with what the file's ``guard.max_monthly_cost`` says to it.

    A plan that makes it no dearer is let through though it stays above: it may be the way back under the limit, or a
    repair, and to refuse it would keep the higher cost.
    """
    limit = env.guard.max_monthly_cost
    if limit is None:
        return replace(cost, guard=None)
    missing = "; ".join(map(str, cost.unpriced))
    guard = Guard(limit, "allowed")
    if cost.usd_month > limit and cost.usd_change > 0:
        guard = Guard(limit, "refused", _too_much(cost, env, missing))
    elif missing:
        guard = Guard(limit, "unheld", f"{_LIMIT} cannot be checked: there is no known price of {missing}")
    return replace(cost, guard=guard)


def _too_much(cost: Estimate, env: Environment, missing: str) -> str:
    largest = sorted(cost.lines, key=lambda line: -line.usd_month)[:_LARGEST]
    parts = "\n".join(f"  ${line.usd_month:,.2f}  {line.address}: {line.what}" for line in largest)
    text = (
        f"{_LIMIT} is {env.guard.max_monthly_cost}, and with this plan {env.name} costs about "
        f"${cost.usd_month:,.2f} a month ({cost.sources}). The largest parts:\n{parts}"
    )
    return f"{text}\nNot priced and not counted: {missing}" if missing else text


def keep_limit(cost: Estimate | None, env: Environment) -> None:
    """Raise `TooExpensive` when the plan would bring the environment above its ``guard.max_monthly_cost``."""
    guard = guarded(cost, env).guard if cost else None
    if guard is None or guard.verdict != "refused":
        return
    raise TooExpensive(
        guard.text,
        where=env.place(_LIMIT),
        field=_LIMIT,
        hint=f"choose smaller sizes, or raise {_LIMIT}; docs/what-is-created.md says what each preset costs",
    )
