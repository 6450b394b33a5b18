"""What ElastiCache tells of a replication group and of its nodes, as the engine takes it.

A group itself tells neither its engine version nor its security groups: its nodes do.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds import states
from livekit_deploy.aws.kinds.elasticache.subnet_groups import tags_from_aws
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.engine.live import made_at
from livekit_deploy.engine.resource import Live
from livekit_deploy.errors import Absent

PORT = 6379
PREFERRED = "preferred"  # TLS for whoever asks for it, and plain text for the others
#: AWS's code, where an event of ElastiCache names one
_CODE = re.compile(r"\bInsufficient\w+|\b\w+(?:Exceeded|NotFound)\b")
_TOKEN = re.compile(r"\btoken ([\w-]+)(?: after ([\w-]+))?")


def members_of(cloud: Cloud, group: Item) -> list[Item]:
    """The nodes of a group, each described by its id."""
    found: list[Item] = []
    for member in group.get("MemberClusters", []):
        with contextlib.suppress(Absent):
            found += cloud.elasticache.describe_cache_clusters(CacheClusterId=member)["CacheClusters"]
    return found


def live_group(
    cloud: Cloud, group: Item, nodes: list[Item], declared: dict[str, Any], outputs: Mapping[str, Any]
) -> Live:
    """A group as it and its ``nodes`` describe it, besides what its kind declares of it."""
    seen = _observed_state(group)
    primary = next((shard.get("PrimaryEndpoint") for shard in group.get("NodeGroups", [])), None) or {}
    endpoint, port = str(primary.get("Address", "")), int(primary.get("Port", PORT))
    outputs = {**outputs, "endpoint": endpoint, "port": port, "redis_address": f"{endpoint}:{port}"}
    detail = "" if seen.meaning is states.USABLE else _why(cloud, group, nodes)
    code = found[0] if seen.meaning is states.FAILED and (found := _CODE.search(detail)) else ""
    props = {**declared, **_props(group, nodes)}
    if (mark := _TOKEN.search(group.get("Description", ""))) and props["auth"]:
        props["auth_token"] = {"version": mark[1]}
    held = {"auth_token": lambda: _too_soon(cloud, props)}
    going_on = _rotating(cloud, group, props)
    own_tags = tags_from_aws(cloud, group) if group["Status"] == "available" else None
    more: dict[str, Any] = {"tags": own_tags, "made": made_at(group, "ReplicationGroupCreateTime")}
    return seen.live(
        group["ReplicationGroupId"], props, outputs, detail=detail, code=code, unfinished=going_on, held=held, **more
    )


def _rotating(cloud: Cloud, group: Item, props: dict[str, Any]) -> str:
    """Who keeps the token before the present one from being ended; says in ``props`` that nobody does."""
    mark = _TOKEN.search(group.get("Description", ""))
    if mark is None or not mark[2] or "auth_token" not in props:
        return ""
    others = cloud.context.other_holders("redis", mark[1])
    props["old_token"] = not others
    return others and f"the previous token stays valid until up runs after the last pod with it has ended: {others}"


def _observed_state(group: Item) -> states.ObservedState:
    """The group's own state, or what it is switching."""
    seen = states.REPLICATION_GROUP.of(group["Status"])
    switches = states.FAILOVER.of(group.get("AutomaticFailover")), states.MULTI_AZ.of(group.get("MultiAZ"))
    under_way = [one for one in switches if one.meaning is states.BUSY]
    return under_way[0] if under_way and seen.meaning is states.USABLE else seen


def _too_soon(cloud: Cloud, props: Mapping[str, Any]) -> str:
    """Why its token is not rotated yet (ElastiCache User Guide, "Modifying the AUTH token")."""
    present = (props.get("auth_token") or {}).get("version", "")
    others = cloud.context.other_holders("redis", present) if present else ""
    kept = "Redis accepts only two tokens, the present one and a new one"
    return others and f"{kept}, but {others}: they would lose Redis. Run the same command again when they have ended."


def _props(group: Item, nodes: list[Item]) -> dict[str, Any]:
    half = group.get("TransitEncryptionMode") == PREFERRED
    props: dict[str, Any] = {"tls": PREFERRED if half else bool(group.get("TransitEncryptionEnabled"))}
    if nodes:
        props["engine"], props["version"] = nodes[0]["Engine"], nodes[0]["EngineVersion"]
        props["maintenance_window"] = nodes[0].get("PreferredMaintenanceWindow")
        props["parameter_group"] = (nodes[0].get("CacheParameterGroup") or {}).get("CacheParameterGroupName")
        props["subnet_group"] = nodes[0].get("CacheSubnetGroupName")
        props["security_group_ids"] = sorted(item["SecurityGroupId"] for item in nodes[0].get("SecurityGroups", []))
    return props


def _why(cloud: Cloud, group: Item, nodes: list[Item]) -> str:
    """What ElastiCache is doing: its status, how many nodes are up, and its last event."""
    up = sum(states.CACHE_CLUSTER.of(node.get("CacheClusterStatus")).usable for node in nodes)
    said = f"{group['Status']}, nodes {up}/{len(group.get('MemberClusters', []))} available"
    events = cloud.elasticache.pages(
        "describe_events",
        "Events",
        SourceIdentifier=group["ReplicationGroupId"],
        SourceType="replication-group",
        Duration=60,
    )
    last = max(events, key=lambda event: event["Date"], default=None)
    return f"{said}: {last['Message']}" if last else said
