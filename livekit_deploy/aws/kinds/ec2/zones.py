"""Chooses the availability zones of an environment, and the address ranges of each.

A zone keeps its ranges as long as anything is recorded there, and ranges of zones that are being removed are given
to no other: whatever zones the file names, the ranges of two subnets never meet. The zones of a cluster that stands
are settled, as EKS keeps them for its life; before there is one the account is asked what it has.
Sources: EKS user guide, "Subnet requirements for clusters"; EC2 API reference, DescribeAvailabilityZones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.states import DEGRADED, STUCK, ZONE, ZONE_OPT_IN
from livekit_deploy.config.zones import REFUSED, zones
from livekit_deploy.errors import ConfigError
from livekit_deploy.state.document import Phase, Record

if TYPE_CHECKING:
    from livekit_deploy.config import Environment

FIELD = "network.availability_zones"
_CLUSTER = "eks.cluster/main"
_SUBNET, _GROUP = "ec2.subnet", "elasticache.subnet_group"
#: the usual name of the cache subnet group
CACHE = "redis"
#: a VPC is cut into sixteenths (a /16 gives /20s, 4091 usable addresses each): the public ones are in front, the
#: private ones from the middle on
_CUT, _HALF = 4, 8
_USUAL = "availability-zone"
_LETTERS = "abcdefgh"


@dataclass(frozen=True)
class Zone:
    """A zone as the account has it: ``name`` and ``id``, its type, state and opt-in status in AWS's words."""

    name: str
    id: str
    kind: str
    state: str
    opt_in: str
    said: str = ""

    @property
    def unfit(self) -> str:
        """Why no control plane can be there, "" when one can."""
        if self.kind != _USUAL:
            return f"it is a {self.kind.replace('-', ' ')}, and EKS places control planes in availability zones only"
        if ZONE_OPT_IN.of(self.opt_in).meaning is STUCK:
            return "this account has not opted in to it"
        if self.id in REFUSED:
            return f"EKS places no control plane in {self.id}, which it is in this account"
        return self.impaired

    @property
    def impaired(self) -> str:
        """What is wrong with it at the moment, "" when nothing is."""
        wrong = ZONE.of(self.state).meaning in (DEGRADED, STUCK)
        return f"AWS reports it as {self.state}{f' ({self.said})' if self.said else ''}" if wrong else ""


@dataclass(frozen=True)
class Place:
    """One zone of an environment's network, with the ranges of its public and of its private subnet."""

    zone: str
    public: IPv4Network
    private: IPv4Network


def offered(cloud: Cloud) -> list[Zone]:
    """Every zone of the region, those included that the account has not opted in to."""
    said = cloud.ec2.describe_availability_zones(AllAvailabilityZones=True)["AvailabilityZones"]
    return sorted(
        (
            Zone(
                name=one["ZoneName"],
                id=one["ZoneId"],
                kind=one.get("ZoneType", _USUAL),
                state=one.get("State", ""),
                opt_in=one.get("OptInStatus", ""),
                said="; ".join(part["Message"] for part in one.get("Messages", []) if part.get("Message")),
            )
            for one in said
        ),
        key=lambda zone: zone.name,
    )


@dataclass(frozen=True)
class Layout:
    """The zones of an environment, and the name of the cache subnet group in them."""

    places: Sequence[Place]
    cache: str = CACHE


def laid_out(env: Environment, cloud: Cloud, records: Mapping[str, Record]) -> Layout:
    """The zones of an environment with their ranges; AWS is asked only for what is not settled.

    Raises `ConfigError` for a zone that the account lacks or EKS does not take, naming those that it does.
    """
    taken = _taken(records, env.network.cidr)
    names = _chosen(env, _settled(records), sorted(taken), lambda: offered(cloud))
    return Layout(_ranged(env.network.cidr, names, taken), _cache(records, names))


def guessed(env: Environment) -> Layout:
    """The same without AWS: what a drawing of the stack shows."""
    return Layout(_ranged(env.network.cidr, zones(env.network, env.region), {}))


# ---- which zones


def _settled(records: Mapping[str, Record]) -> list[str]:
    """The zones of the cluster that stands, by its subnets; none before there is one."""
    cluster = records.get(_CLUSTER)
    if cluster is None or cluster.phase in (Phase.CREATING, Phase.DELETING):
        return []
    return sorted(_zones_of(cluster, records))


def _zones_of(record: Record, records: Mapping[str, Record]) -> set[str]:
    """The zones of the subnets that something is in."""
    ids = set(record.inputs.get("subnet_ids", ()))
    return {str(one.inputs["zone"]) for one in records.values() if one.kind == _SUBNET and one.id in ids}


def _chosen(env: Environment, settled: Sequence[str], begun: Sequence[str], ask: Callable[[], list[Zone]]) -> list[str]:
    """``settled`` are zones that nobody checks any more, ``begun`` those that a number stands for rather than others:
    there are subnets."""
    given = env.network.availability_zones
    if isinstance(given, int):
        kept = list(settled[:given])
        return kept if len(kept) == given else [*kept, *_more(env, given, kept, begun, ask(), settled)]
    if set(given) <= set(settled):
        return list(given)
    known = ask()
    found = [_named(env, zone, settled, known) for zone in given]
    if len(set(found)) < len(found):
        raise _wrong(env, f"{', '.join(given)} name one zone twice, by its name and by its id", known, settled)
    return found


def _more(
    env: Environment,
    wanted: int,
    kept: Sequence[str],
    begun: Sequence[str],
    known: Sequence[Zone],
    settled: Sequence[str],
) -> list[str]:
    fit = [zone.name for zone in known if not zone.unfit and zone.name not in kept]
    if len(kept) + len(fit) < wanted:
        raise _wrong(
            env, f"{env.region} has {len(kept) + len(fit)} zones for EKS in this account, not {wanted}", known, settled
        )
    return sorted(sorted(fit, key=lambda name: (name not in begun, name))[: wanted - len(kept)])


def _named(env: Environment, given: str, settled: Sequence[str], known: Sequence[Zone]) -> str:
    zone = next((one for one in known if given in (one.name, one.id)), None)
    if zone is None:
        raise _wrong(env, f"{given} is not offered to this account in {env.region}", known, settled)
    if zone.name not in settled and zone.unfit:
        raise _wrong(env, f"{given} cannot be used: {zone.unfit}", known, settled)
    return zone.name


def _wrong(env: Environment, message: str, known: Iterable[Zone], settled: Sequence[str]) -> ConfigError:
    """Names the zones to choose from, which are those of the cluster where one stands: EKS keeps them."""
    fit = [zone.name for zone in known if not zone.unfit]
    hint = f"name two or three of {', '.join(fit)} in {FIELD}, or give a number up to {len(fit)}"
    if settled:
        hint = f"name {', '.join(settled)} in {FIELD}, or give the number {len(settled)}: a cluster keeps its zones"
    return ConfigError(message, hint=hint, where=env.place(FIELD), field=FIELD)


# ---- which cache subnet group


def _cache(records: Mapping[str, Record], names: Sequence[str]) -> str:
    """That which is there, unless it has a zone that goes: ElastiCache takes no subnet from a group that is in use.

    Then it is another one, which Redis follows; the old ones are deleted last.
    """
    groups = {address: record for address, record in sorted(records.items()) if record.kind == _GROUP}
    fitting = [address for address, record in groups.items() if _zones_of(record, records) <= set(names)]
    if fitting or not groups:
        return fitting[0].partition("/")[2] if fitting else CACHE
    return f"{CACHE}-{''.join(sorted(name[-1] for name in names))}"


# ---- which ranges


def _taken(records: Mapping[str, Record], cidr: IPv4Network) -> dict[str, int]:
    """zone → the number of its ranges, of everything that is recorded, being deleted or not."""
    numbers = {part: number for number, part in enumerate(cidr.subnets(prefixlen_diff=_CUT))}
    found = {}
    for record in records.values():
        if record.kind == _SUBNET and (number := numbers.get(IPv4Network(record.inputs["cidr"]))) is not None:
            found[str(record.inputs["zone"])] = number % _HALF
    return found


def _ranged(cidr: IPv4Network, names: Sequence[str], taken: Mapping[str, int]) -> list[Place]:
    """A zone that is new gets the ranges of its letter, else the first that are free."""
    parts, numbers = list(cidr.subnets(prefixlen_diff=_CUT)), dict(taken)
    for name in names:
        if name not in numbers:
            free = [number for number in range(_HALF) if number not in numbers.values()]
            if not free:
                raise ConfigError(
                    f"{cidr} has no ranges left for {name}: the ranges of zones that are being removed are free "
                    f"once those zones are gone",
                    hint=f"name fewer zones in {FIELD}, run up, and name the others then",
                    field=FIELD,
                )
            own = _LETTERS.find(name[-1])
            numbers[name] = own if own in free else free[0]
    return [Place(name, parts[numbers[name]], parts[numbers[name] + _HALF]) for name in names]
