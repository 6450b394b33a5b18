"""Checks across sections: finds early what would fail late, in AWS or in the cluster."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from ipaddress import IPv4Network

from livekit_deploy.config import livekit_checks, redis_checks
from livekit_deploy.config.admins import service_linked
from livekit_deploy.config.models import Environment, NodeGroup
from livekit_deploy.config.regions import REGIONS, mistyped, nearest
from livekit_deploy.config.section import Unknown
from livekit_deploy.config.zones import REFUSED, is_id

Problem = tuple[str, str, str]  # field, what is wrong, what to do

SERVICE_RANGES = (IPv4Network("10.100.0.0/16"), IPv4Network("172.20.0.0/16"))  # EKS takes one of them
DOCKER_RANGE = IPv4Network("172.17.0.0/16")
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_ANYWHERE = IPv4Network("0.0.0.0/0")
#: end of standard and of extended support (EKS user guide, Kubernetes versions; read 2026-11)
SUPPORT = {
    "1.32": (date(2026, 3, 23), date(2027, 3, 23)),
    "1.33": (date(2026, 7, 29), date(2027, 7, 29)),
    "1.34": (date(2026, 12, 2), date(2027, 12, 2)),
    "1.35": (date(2027, 3, 27), date(2028, 3, 27)),
    "1.36": (date(2027, 8, 2), date(2028, 8, 2)),
    "1.37": (date(2027, 12, 1), date(2028, 12, 1)),
}
#: add-ons that every cluster gets: whoever writes nearly one of these names means it
ALWAYS_THERE = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns", "metrics-server")
#: addresses that the VPC CNI takes for a node: those of one network interface, held ready for pods
_NODE_ADDRESSES = 30
_REPLICATION_GROUP_ID = 40
_TAGS_OF_OTHERS = ("aws:", "livekit-deploy:", "kubernetes.io/")
_TAG_KEY, _TAG_VALUE, _TAGS = 128, 256, 40  # AWS takes 50 tags; ten are kept for ours and the controllers'
_TAG_TEXT = re.compile(r"[\w .:/=+@-]*")
_ADDON = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def problems(env: Environment, today: date) -> Iterator[Problem]:
    """Everything that would fail; empty for an environment that may be tried.

    What reads a key that is wrong says nothing; all else does.
    """
    for check in (*_CHECKS, *redis_checks.CHECKS, *livekit_checks.CHECKS):
        with contextlib.suppress(Unknown):
            yield from check(env)
    with contextlib.suppress(Unknown):
        yield from _version(env, today)


def in_extended_support(version: str, today: date) -> bool:
    """Whether EKS charges extra for an old version; of one that is not known here the number tells."""
    if version not in SUPPORT:
        return version < min(SUPPORT)
    return today > SUPPORT[version][0]


def warnings(env: Environment, today: date) -> Iterator[str]:
    """What works but should be known."""
    if in_extended_support(env.cluster.version, today):
        yield (
            f"cluster.version {env.cluster.version} is in paid extended support since "
            f"{SUPPORT[env.cluster.version][0]}: move to {_supported(today)[-1]}, one minor at a time"
        )
    if env.preset != "dev" and _ANYWHERE in env.cluster.public_cidrs:
        yield "cluster.public_cidrs lets the whole Internet reach the Kubernetes API"
    if env.region not in REGIONS:
        meant = f": did you mean {near}?" if (near := nearest(env.region)) else ""
        yield f"region {env.region} was not known when this program was released{meant}"
    yield from _room(env)
    yield from redis_checks.warnings(env.redis, today)
    if env.nodes.media.capacity == "spot":
        yield "nodes.media.capacity is spot: AWS takes nodes back with two minutes' notice, and their calls end"
    if env.preset != "dev" and any(kind.startswith("t") for kind in env.nodes.media.instance_types):
        yield "nodes.media.instance_types are burstable: media is held up when their CPU credits are spent"
    if env.livekit.settings.get("development"):
        yield "livekit.settings.development opens LiveKit's debug handlers to the Internet"


def _room(env: Environment) -> Iterator[str]:
    """Whether the subnets have addresses for as many nodes as the groups may grow to."""
    cidr, zones = env.network.cidr, env.network.availability_zones
    count = zones if isinstance(zones, int) else len(zones)
    room = count * (2 ** (32 - cidr.prefixlen - 4) - 5)  # a sixteenth for each zone, of which AWS keeps five
    groups = [env.nodes.media, *([env.nodes.system] if env.nodes.system and env.network.nat == "none" else [])]
    most = sum(group.max for group in groups)
    if most * _NODE_ADDRESSES > room:
        yield (
            f"network.cidr {cidr} leaves {room} addresses in the public subnets, and {most} nodes take "
            f"{most * _NODE_ADDRESSES} or more: take a larger range"
        )


def _supported(today: date) -> list[str]:
    return [version for version, (_, end) in SUPPORT.items() if today <= end]


def _names(env: Environment) -> Iterator[Problem]:
    longest = f"{env.resource_prefix}-redis-0000"
    if (over := len(longest) - _REPLICATION_GROUP_ID) > 0:
        yield (
            "name",
            f"{longest} is longer than the {_REPLICATION_GROUP_ID} characters of an ElastiCache id",
            f"shorten name or project by {over}",
        )


def _region(env: Environment) -> Iterator[Problem]:
    if env.region not in REGIONS and mistyped(env.region):
        near = nearest(env.region)
        yield "region", f"AWS has no region {env.region}", f"did you mean {near!r}?" if near else "such as us-east-1"


def _tags(env: Environment) -> Iterator[Problem]:
    if len(env.tags) > _TAGS:
        yield "tags", f"{len(env.tags)} tags are more than the {_TAGS} that AWS leaves room for", "drop some"
    if len({key.lower() for key in env.tags}) < len(env.tags):
        yield "tags", "two tags differ only in case, and IAM treats them as one", "rename one"
    for key, value in env.tags.items():
        at = f"tags.{key}"
        if key.lower().startswith(_TAGS_OF_OTHERS) or key.partition("/")[0].endswith("k8s.aws") or key == "Name":
            yield at, f"the tag {key} is reserved: AWS, EKS, a controller or this program sets it", "choose another key"
        elif not 1 <= len(key) <= _TAG_KEY or len(value) > _TAG_VALUE:
            yield at, f"AWS takes tag keys of 1 to {_TAG_KEY} and values of up to {_TAG_VALUE} characters", "shorten it"
        elif not (_TAG_TEXT.fullmatch(key) and _TAG_TEXT.fullmatch(value)):
            what = "AWS takes letters, digits, spaces and _ . : / = + - @ in tags"
            if value.endswith("\n") and _TAG_TEXT.fullmatch(value.rstrip("\n")):
                yield at, f"{what}, and this one ends in a line break", "begin the block with |-, or write it in quotes"
            else:
                yield at, what, "leave the others out"
        elif not _handed_on(key, value):
            yield (
                at,
                f"the load balancer controller cannot give the tag {key} to what it makes: no = in the key, no space "
                "at the ends of key and value, and no colon at an end or before a space",
                "write it without them",
            )


def _handed_on(key: str, value: str) -> bool:
    """Whether the controller's chart hands a tag on: it writes ``key=value`` into a list in YAML, without quotes."""
    bare = (key, value) == (key.strip(), value.strip())
    return bare and "=" not in key and not re.search(r":(\s|$)", f"{key}={value}")


def _network(env: Environment) -> Iterator[Problem]:
    cidr, at = env.network.cidr, "network.cidr"
    if not 16 <= cidr.prefixlen <= 22:
        yield at, f"{cidr} is a /{cidr.prefixlen}: a VPC here is /16 to /22", f"write {cidr.network_address}/16"
    for other in (*SERVICE_RANGES, DOCKER_RANGE):
        if cidr.overlaps(other):
            what = "a range that Docker uses" if other == DOCKER_RANGE else "a range of the cluster's services"
            yield at, f"{cidr} overlaps {other}, {what}", "take another range, such as 10.20.0.0/16"
    if not any(cidr.subnet_of(private) for private in (*_PRIVATE, IPv4Network("100.64.0.0/10"))):
        yield at, f"{cidr} is not a private range", "take one in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"


def _zones(env: Environment) -> Iterator[Problem]:
    zones, at = env.network.availability_zones, "network.availability_zones"
    if isinstance(zones, int):
        if zones < 2:
            yield at, "EKS needs two zones or more", "set it to 2 or 3"
        return
    if len(set(zones)) < 2:
        yield at, "EKS needs two different zones or more", f"such as [{env.region}a, {env.region}b]"
    elif len(set(zones)) < len(zones) or len(zones) > 6:
        yield at, "each zone is named once, and six are the most", "name two or three zones"
    for number, zone in enumerate(zones):
        if zone in REFUSED:
            yield f"{at}.{number}", f"EKS places no control plane in {zone}", "choose another zone"
        elif not (is_id(zone) or re.fullmatch(rf"{re.escape(env.region)}[a-z]", zone)):
            yield f"{at}.{number}", f"{zone} is not a zone of {env.region}", f"name zones such as {env.region}a"


def _version(env: Environment, today: date) -> Iterator[Problem]:
    version, known = env.cluster.version, _supported(today)
    if version not in known:
        gone = version in SUPPORT or version < min(SUPPORT)
        what = f"EKS no longer has version {version}" if gone else f"EKS has no version {version}"
        yield "cluster.version", what, f"one of {', '.join(known)}"


def _addons(env: Environment) -> Iterator[Problem]:
    for name in sorted(env.cluster.addons.keys() - set(ALWAYS_THERE)):
        if _ADDON.fullmatch(name) is None:
            wrong = (
                f"{name!r} is not a valid name of an add-on: letters, digits, hyphens and underscores, a letter "
                f"or digit first"
            )
            yield f"cluster.addons.{name}", wrong, "such as coredns"
        elif near := difflib.get_close_matches(name, ALWAYS_THERE, n=1, cutoff=0.8):
            yield f"cluster.addons.{name}", f"EKS has no add-on {name}", f"did you mean {near[0]!r}?"


def _admins(env: Environment) -> Iterator[Problem]:
    for number, arn in enumerate(env.cluster.admins):
        if service_linked(arn):
            at, what = f"cluster.admins.{number}", "is a service role of AWS, which EKS does not let into clusters"
            yield at, f"{arn} {what}", "name a role or user of people"


def _public(env: Environment) -> Iterator[Problem]:
    for number, cidr in enumerate(env.cluster.public_cidrs):
        if any(cidr.subnet_of(private) for private in _PRIVATE):
            at = f"cluster.public_cidrs.{number}"
            yield (
                at,
                f"{cidr} is private: EKS takes public ranges here",
                "name the address you reach the Internet from; the VPC itself always reaches the API",
            )


def _group(env: Environment, name: str) -> NodeGroup | None:
    return env.nodes.media if name == "media" else env.nodes.system


def _sizes(env: Environment, name: str) -> Iterator[Problem]:
    at = f"nodes.{name}"
    if (group := _group(env, name)) is None:
        return
    if group.max < 1:
        yield f"{at}.max", "a node group needs room for one node", "set max to 1 or more"
    elif group.max < group.min:
        yield f"{at}.max", f"max {group.max} is below min {group.min}", "raise max or lower min"
    elif not group.min <= group.desired <= group.max:
        yield f"{at}.desired", f"desired {group.desired} is outside {group.min}…{group.max}", "put it between"


def _images(env: Environment, name: str) -> Iterator[Problem]:
    at = f"nodes.{name}"
    if (group := _group(env, name)) is None:
        return
    for kind in group.instance_types:
        if _is_arm(kind) != ("ARM" in group.ami):
            fitting = "AL2023_ARM_64_STANDARD" if _is_arm(kind) else "AL2023_x86_64_STANDARD"
            yield f"{at}.ami", f"{kind} does not run {group.ami}", f"set {at}.ami to {fitting}"


def _is_arm(instance_type: str) -> bool:
    """Graviton: a ``g`` behind the generation, as in ``c7gn.large``; and the first of them, ``a1``."""
    family = instance_type.partition(".")[0].partition("-")[0]
    return family == "a1" or re.fullmatch(r"[a-z]+\d+[a-z]*g[a-z]*", family) is not None


#: each reads as little as it can: one that reads a key that is wrong is left out
_CHECKS: tuple[Callable[[Environment], Iterator[Problem]], ...] = (
    _names,
    _region,
    _tags,
    _network,
    _zones,
    _addons,
    _admins,
    _public,
    *(partial(check, name=name) for name in ("media", "system") for check in (_sizes, _images)),
)
