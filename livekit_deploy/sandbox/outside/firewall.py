"""Which connections the security groups let through, as far as what is behind the door depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from moto.ec2.models import ec2_backends
from moto.elasticache.models import elasticache_backends

from livekit_deploy.sandbox.aws.elasticache import store_of
from livekit_deploy.sandbox.cluster.cluster import Cluster

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


def redis_problem(where: Where, cluster: Cluster) -> str | None:
    """Why LiveKit's pods do not reach the Redis that their configuration names; None when they do."""
    host, _, port = _redis_address(cluster).partition(":")
    account, region = where
    for group in store_of(elasticache_backends[account][region]).groups.values():
        shards = group.wire.get("NodeGroups") or [{}]
        if shards[0].get("PrimaryEndpoint", {}).get("Address") == host and group.wire["Status"] != "deleting":
            carried = [one["SecurityGroupId"] for one in group.shared["SecurityGroups"]]
            open_ = admitted(where, carried, int(port), source=_on_nodes(where, cluster))
            return None if open_ else f"dial tcp {host}:{port}: i/o timeout"
    return f"dial tcp: lookup {host}: no such host"


def _redis_address(cluster: Cluster) -> str:
    for config in cluster.objects("configmaps", namespace="livekit"):
        said = yaml.safe_load((config.get("data") or {}).get("config.yaml") or "{}")
        if "redis" in said:
            return str(said["redis"]["address"])
    return ""


def _on_nodes(where: Where, cluster: Cluster) -> set[str]:
    """The groups that the nodes carry on which LiveKit's pods are."""
    account, region = where
    hosts = {pod["status"].get("hostIP") for pod in cluster.objects("pods", namespace="livekit")}
    instances = ec2_backends[account][region].all_instances()
    return {group.id for one in instances if one.private_ip in hosts for group in one.security_groups}
