"""What an environment costs a month by AWS's list prices, what a plan changes about it, and the limit that a file sets.

An estimate, not a bill: it counts what is paid for by the hour or month because it is there. What is paid for by use
(traffic, logs, backups, load balancer capacity units) cannot be known beforehand. A node group counts with the nodes
that the file or the state asks for, not with those that an autoscaler added. Nothing is asked of AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from livekit_deploy.config import Environment
from livekit_deploy.config.checks import in_extended_support
from livekit_deploy.engine.estimate import Estimate, Line, Unpriced
from livekit_deploy.engine.plan import UNKNOWN, Action, unknown
from livekit_deploy.engine.planner import Planned
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import TooExpensive
from livekit_deploy.prices import Prices, as_of, regions
from livekit_deploy.state.document import Phase, State

#: kinds that AWS asks nothing for, or only by use
FREE = frozenset(
    """acm.certificate acm.issued barrier.calls_drained barrier.load_balancers_gone barrier.network_interfaces_gone
    barrier.volumes_gone ec2.flow_log ec2.internet_gateway ec2.launch_template ec2.route_table ec2.security_group
    ec2.security_group_rule ec2.subnet ec2.vpc ec2.vpc_endpoint eks.access_entry eks.addon elasticache.subnet_group
    helm.release iam.oidc_provider iam.policy iam.role k8s.namespace k8s.secret kms.alias logs.log_group
    route53.record""".split()  # noqa: SIM905
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
Charge = tuple[str, float | None]  # what is counted; dollars a month, None where the table has no price


def of_plan(planned: Planned, state: State | None, region: str, today: date | None = None) -> Estimate:
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
    return estimate(now, after, region, today or date.today())


def of_stack(resources: Iterable[Resource], region: str, today: date | None = None) -> Estimate:
    """What resources cost that are all yet to be made."""
    return estimate({}, {item.address: Piece.of(item) for item in resources}, region, today or date.today())


def estimate(now: Pieces, after: Pieces, region: str, today: date) -> Estimate:
    """Each address that is paid for, what comes first in the graph first."""
    prices = Prices(region)
    before, then = _Bill(prices, now, today), _Bill(prices, after, today)
    lines, unpriced = [], dict[Unpriced, None]()
    for address in dict.fromkeys([*after, *now]):
        old, new = list(before.charges(address)), list(then.charges(address))
        what = ", ".join(text for text, usd in new or old if usd is not None)
        if what:
            lines.append(Line(address, what, _sum(old), _sum(new)))
        unpriced |= {Unpriced(address, text): None for text, usd in (*new, *old) if usd is None}
    if unpriced and not prices.known:
        unpriced = {Unpriced("", f"anything in {region} (only in {', '.join(regions())})"): None}
    return Estimate(
        region=region,
        as_of=as_of(),
        usd_month_now=round(sum((line.usd_month_now for line in lines), 0.0), 2),
        usd_month=round(sum((line.usd_month for line in lines), 0.0), 2),
        lines=tuple(lines),
        unpriced=tuple(unpriced),
    )


def _sum(charges: Iterable[Charge]) -> float:
    return round(sum((usd or 0.0 for _, usd in charges), 0.0), 2)


class _Bill:
    """What AWS asks for the pieces of one environment."""

    def __init__(self, prices: Prices, pieces: Pieces, today: date) -> None:
        self._prices, self._pieces, self._today = prices, pieces, today

    def charges(self, address: str) -> Iterator[Charge]:
        """What is paid for at an address; nothing for what is free or not there."""
        piece = self._pieces.get(address)
        if piece is None or piece.kind in FREE:
            return
        if piece.kind not in _CHARGES:
            yield "a kind that the price table does not know", None
            return
        charges, needed = _CHARGES[piece.kind]
        if all(_told(piece.inputs.get(key)) for key in needed):
            yield from charges(self, piece)
        else:
            yield "its size is not on record", None

    def cluster(self, piece: Piece) -> Iterator[Charge]:
        """EKS pricing: a version in extended support costs six times as much."""
        if in_extended_support(str(piece.inputs["version"]), self._today):
            yield "control plane in extended support", self._prices.monthly("cluster_extended")
        else:
            yield "control plane", self._prices.monthly("cluster")

    def node_group(self, piece: Piece) -> Iterator[Charge]:
        """Instances of the first type, their disks, and an address each in public subnets."""
        count, kind = int(piece.inputs["desired_size"]), str(piece.inputs["instance_types"][0])
        if not count:
            return
        if piece.inputs["capacity"] == "SPOT":
            yield f"{count} {kind} at the spot price", None
        else:
            yield f"{count} {kind}", _times(count, self._prices.typed("instance", kind))
        near = [self._pieces[address] for address in piece.deps if address in self._pieces]
        gib = count * sum(one.inputs.get("disk_gib") or 0 for one in near if one.kind == "ec2.launch_template")
        yield f"{gib} GiB gp3", _times(gib, self._prices.monthly("gp3_gib"))
        if any(_public_subnet(one) for one in near):
            yield self._addresses(count)

    def replication_group(self, piece: Piece) -> Iterator[Charge]:
        """ElastiCache pricing: by node, and Valkey costs less than Redis."""
        count, kind = int(piece.inputs["replicas"]) + 1, str(piece.inputs["node_type"])
        engine = str(piece.inputs["engine"])
        yield f"{count} {kind} ({engine})", _times(count, self._prices.typed(engine, kind))

    def load_balancer(self, piece: Piece) -> Iterator[Charge]:
        """It faces the Internet, with one address in each public subnet."""
        yield "load balancer", self._prices.monthly("load_balancer")
        zones = sum(_public_subnet(one) for one in self._pieces.values())
        if zones:
            yield self._addresses(zones)

    def _addresses(self, count: int) -> Charge:
        plural = "" if count == 1 else "es"
        return f"{count} public IPv4 address{plural}", _times(count, self._prices.monthly("public_ipv4"))

    def one(self, what: str, item: str) -> Iterator[Charge]:
        """Something that costs the same whatever its inputs."""
        yield what, self._prices.monthly(item)


def _times(count: int, usd: float | None) -> float | None:
    return None if usd is None else count * usd


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
    "ec2.nat_gateway": (lambda bill, _: bill.one("NAT gateway", "nat_gateway"), ()),
    "ec2.elastic_ip": (lambda bill, _: bill.one("1 public IPv4 address", "public_ipv4"), ()),
    "kms.key": (lambda bill, _: bill.one("KMS key", "kms_key"), ()),
    "secretsmanager.secret": (lambda bill, _: bill.one("secret", "secret"), ()),
}
#: kinds that are paid for because they are there
PRICED = frozenset(_CHARGES)
_LOOKED_AT = PRICED | {"ec2.launch_template", "ec2.subnet"}


def keep_limit(cost: Estimate | None, env: Environment) -> None:
    """Raise `TooExpensive` when the plan would bring the environment above its ``guard.max_monthly_cost``.

    A plan that makes it no dearer is let through though it stays above: it may be the way back under the limit, or a
    repair, and to refuse it would keep the higher cost.
    """
    limit = env.guard.max_monthly_cost
    if cost is None or limit is None or cost.usd_month <= limit or cost.usd_change <= 0:
        return
    largest = sorted(cost.lines, key=lambda line: -line.usd_month)[:_LARGEST]
    parts = "\n".join(f"  ${line.usd_month:,.2f}  {line.address}: {line.what}" for line in largest)
    text = (
        f"{_LIMIT} is {limit}, and with this plan {env.name} costs about ${cost.usd_month:,.2f} a month "
        f"(list prices of {cost.as_of}, {cost.region}). The largest parts:\n{parts}"
    )
    if cost.unpriced:
        text += f"\nNot priced and not counted: {'; '.join(map(str, cost.unpriced))}"
    raise TooExpensive(
        text,
        where=env.place(_LIMIT),
        field=_LIMIT,
        hint=f"choose less, or raise {_LIMIT}; docs/what-is-created.md says what each preset costs",
    )
