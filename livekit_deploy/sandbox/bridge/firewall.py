"""Which connections the security groups allow on the way to LiveKit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.ec2.models import ec2_backends
from moto.elasticache.models import elasticache_backends

from livekit_deploy.sandbox.aws.elasticache.store import store_of
from livekit_deploy.sandbox.cluster.port import RedisServer

ANYWHERE = "0.0.0.0/0"
Where = tuple[str, str]


def admitted(where: Where, groups: list[str], port: int, *, source: set[str] | None = None) -> bool:
    """Whether a TCP port behind ``groups`` is open: to the world or, with ``source``, to what carries those groups."""
    for rule in _rules(where, groups):
        fits = rule.ip_protocol == "-1" or (rule.ip_protocol == "tcp" and rule.from_port <= port <= rule.to_port)
        if fits and (rule.cidr_ipv4 == ANYWHERE or (rule.source_group or {}).get("GroupId") in (source or ())):
            return True
    return False


def _rules(where: Where, groups: list[str]) -> Iterator[Any]:
    account, region = where
    for id in groups:
        group = ec2_backends[account][region].get_security_group_from_id(id)
        yield from group.ingress_rules if group is not None else ()


def redis_servers(where: Where, nodes: Mapping[str, set[str]]) -> tuple[RedisServer, ...]:
    """Every Redis of an account; ``nodes`` are the security groups of each address that may reach it."""
    account, region = where
    found = []
    for group in list(store_of(elasticache_backends[account][region]).groups.values()):
        shards = group.wire.get("NodeGroups") or [{}]
        host, wire = shards[0].get("PrimaryEndpoint", {}), group.wire
        if host and wire["Status"] not in ("creating", "deleting", "create-failed"):
            carried = [one["SecurityGroupId"] for one in group.shared["SecurityGroups"]]
            port = int(host["Port"])
            found.append(
                RedisServer(
                    host=host["Address"],
                    port=port,
                    tls=bool(wire["TransitEncryptionEnabled"]),
                    plain=wire.get("TransitEncryptionMode") != "required",
                    tokens=group.tokens,
                    admits=frozenset(ip for ip, own in nodes.items() if admitted(where, carried, port, source=own)),
                )
            )
    return tuple(found)
