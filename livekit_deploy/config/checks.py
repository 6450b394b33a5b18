"""Checks across sections that spare the user an hour: what would only fail late, in AWS or in LiveKit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from ipaddress import IPv4Network
from typing import Any

from livekit_deploy.config.models import Environment
from livekit_deploy.config.zones import REFUSED
from livekit_deploy.config.zones import zones as named

Problem = tuple[str, str, str]  # field, what is wrong, what to do

SERVICE_RANGES = (IPv4Network("10.100.0.0/16"), IPv4Network("172.20.0.0/16"))  # EKS takes one of them
DOCKER_RANGE = IPv4Network("172.17.0.0/16")
#: end of standard and of extended support (EKS user guide, Kubernetes versions; read 2026-11)
SUPPORT = {
    "1.32": (date(2026, 3, 23), date(2027, 3, 23)),
    "1.33": (date(2026, 7, 29), date(2027, 7, 29)),
    "1.34": (date(2026, 12, 2), date(2027, 12, 2)),
    "1.35": (date(2027, 3, 27), date(2028, 3, 27)),
    "1.36": (date(2027, 8, 2), date(2028, 8, 2)),
    "1.37": (date(2027, 12, 1), date(2028, 12, 1)),
}
_SECRET_KEYS = ("secret", "password", "token", "keys", "api_secret", "private_key")


def problems(env: Environment) -> Iterator[Problem]:
    """Everything that would fail; empty for an environment that may be tried."""
    yield from _network(env)
    yield from _cluster(env)
    yield from _nodes(env)
    yield from _redis(env)
    yield from _names(env)
    yield from _ports(env)
    yield from _domains(env)
    yield from _secrets(env)


def warnings(env: Environment, today: date | None = None) -> Iterator[str]:
    """What works but should be known."""
    now = today or date.today()
    standard, extended = SUPPORT.get(env.cluster.version, (date.max, date.max))
    if now > extended:
        yield f"cluster.version {env.cluster.version} has left extended support"
    elif now > standard:
        yield f"cluster.version {env.cluster.version} is in paid extended support since {standard}"


def _network(env: Environment) -> Iterator[Problem]:
    cidr, zones = env.network.cidr, env.network.availability_zones
    if not 16 <= cidr.prefixlen <= 22:
        yield "network.cidr", f"{cidr} is a /{cidr.prefixlen}: a VPC here is /16 to /22", "take a /16"
    for other in (*SERVICE_RANGES, DOCKER_RANGE):
        if cidr.overlaps(other):
            what = "a range that Docker uses" if other == DOCKER_RANGE else "a range of the cluster's services"
            yield "network.cidr", f"{cidr} overlaps {other}, {what}", "take another range, such as 10.20.0.0/16"
    if (zones if isinstance(zones, int) else len(zones)) < 2:
        yield "network.availability_zones", "EKS needs two zones or more", "set it to 2 or 3"
    elif isinstance(zones, int) and len(offered := named(env.network, env.region)) < zones:
        yield "network.availability_zones", f"{env.region} has {len(offered)} zones for EKS", "lower the number"
    if isinstance(zones, tuple):
        for zone in zones:
            if zone in REFUSED:
                yield "network.availability_zones", f"EKS has no control plane in {zone}", "name another zone"
            if not zone.startswith(env.region):
                yield "network.availability_zones", f"{zone} is not in {env.region}", "name zones of the region"


def _cluster(env: Environment) -> Iterator[Problem]:
    version = env.cluster.version
    if version not in SUPPORT:
        yield "cluster.version", f"EKS has no version {version}", f"one of {', '.join(SUPPORT)}"


def _nodes(env: Environment) -> Iterator[Problem]:
    groups = {"media": env.nodes.media, "system": env.nodes.system}
    for name, group in groups.items():
        if group is None:
            continue
        at = f"nodes.{name}"
        if group.max < group.min:
            yield f"{at}.max", f"max {group.max} is below min {group.min}", "raise max or lower min"
        elif not group.min <= group.desired <= group.max:
            yield f"{at}.desired", f"desired {group.desired} is outside {group.min}…{group.max}", "put it between"
        if group.max < 1:
            yield f"{at}.max", "a node group needs room for one node", "set max to 1 or more"
        for kind in group.instance_types:
            arm = "g" in kind.partition(".")[0].lstrip("abcdefghijklmnopqrstuvwxyz").lstrip("0123456789")
            if arm != ("ARM" in group.ami):
                yield f"{at}.ami", f"{kind} does not run {group.ami}", "choose an AMI of the same architecture"
    pods = env.livekit.autoscaling.max if env.livekit.autoscaling else env.livekit.replicas
    key = "livekit.autoscaling.max" if env.livekit.autoscaling else "livekit.replicas"
    if pods > env.nodes.media.desired:
        yield (
            key,
            f"{pods} pods do not fit on {env.nodes.media.desired} media nodes: one pod a node",
            ("raise nodes.media.desired"),
        )
    scaling = env.livekit.autoscaling
    if scaling and scaling.max < scaling.min:
        yield "livekit.autoscaling.max", f"max {scaling.max} is below min {scaling.min}", "raise max"


def _redis(env: Environment) -> Iterator[Problem]:
    redis = env.redis
    if redis.multi_az and not redis.replicas:
        yield "redis.multi_az", "multi_az needs a replica", "set redis.replicas to 1 or more"
    if redis.auth and not redis.tls:
        yield "redis.auth", "ElastiCache takes an AUTH token only with TLS", "set redis.tls to true"
    if redis.auth and env.livekit.chart != "bundled":
        yield (
            "redis.auth",
            "the official chart keeps the Redis password in a ConfigMap",
            ("use chart: bundled, or set redis.auth to false"),
        )


def _names(env: Environment) -> Iterator[Problem]:
    longest = f"{env.resource_prefix}-redis-0000"
    if len(longest) > 40:
        yield "name", f"{longest} is longer than the 40 characters of an ElastiCache id", "shorten name or project"


def _ports(env: Environment) -> Iterator[Problem]:
    first, last = env.livekit.rtc.udp_ports
    if first >= last:
        yield "livekit.rtc.udp_ports", f"{first}…{last} is no range", "write [first, last]"
    if first < 1024:
        yield "livekit.rtc.udp_ports", "LiveKit takes no media ports below 1024", "take [50000, 60000]"
    tcp, turn = env.livekit.rtc.tcp_port, env.livekit.turn
    if tcp < 1024 and tcp not in (80, 443):
        yield "livekit.rtc.tcp_port", f"LiveKit does not listen on TCP {tcp}", "80, 443, or 1024 and above"
    if tcp in (7880, 6789):
        yield "livekit.rtc.tcp_port", f"port {tcp} is taken by LiveKit itself", "take 7881"
    if turn is not None:
        if turn.udp_port < 1024 and turn.udp_port not in (53, 80, 443):
            yield "livekit.turn.udp_port", f"LiveKit has no TURN on UDP {turn.udp_port}", "53, 80, 443, or 1024 and up"
        if first <= turn.udp_port <= last:
            yield "livekit.turn.udp_port", f"{turn.udp_port} lies in the media range", "take 3478"
        if turn.tls and not turn.domain:
            yield "livekit.turn.domain", "TURN over TLS needs a domain", "name it, or set turn.tls to false"


def _domains(env: Environment) -> Iterator[Problem]:
    zone = env.livekit.hosted_zone
    turn = env.livekit.turn.domain if env.livekit.turn else None
    if turn and turn == env.livekit.domain:
        yield "livekit.turn.domain", "TURN needs a name of its own", f"such as turn.{env.livekit.domain}"
    for field, name in (("livekit.domain", env.livekit.domain), ("livekit.turn.domain", turn)):
        if zone and name and not name.endswith(f".{zone}") and name != zone:
            yield field, f"{name} is not in the hosted zone {zone}", "change one of them"


def _secrets(env: Environment) -> Iterator[Problem]:
    for path in _secret_paths(env.livekit.settings):
        yield (
            f"livekit.settings.{path}",
            "a secret does not belong into this file",
            ("remove it: keys and tokens are generated into Secrets Manager"),
        )


def _secret_paths(settings: Mapping[str, Any], at: str = "") -> Iterator[str]:
    for key, value in settings.items():
        if any(str(key).lower().endswith(word) for word in _SECRET_KEYS):
            yield f"{at}{key}"
        elif isinstance(value, Mapping):
            yield from _secret_paths(value, f"{at}{key}.")
