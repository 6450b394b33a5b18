"""ElastiCache: replication groups with members, states, endpoints and events.

It replaces moto's outline, which never finishes a deletion and forgets most of what it is told.
Source: ElastiCache API reference; durations as users report them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime

from moto.ec2.models import ec2_backends
from moto.elasticache.models import ElastiCacheBackend

from livekit_deploy.sandbox.aws.elasticache.additions import ParameterGroups
from livekit_deploy.sandbox.aws.elasticache.corrections.encryption import authenticate, check_token, encrypt
from livekit_deploy.sandbox.aws.elasticache.corrections.members import resize, shard
from livekit_deploy.sandbox.aws.elasticache.corrections.subnet_groups import SubnetGroups
from livekit_deploy.sandbox.aws.elasticache.corrections.windows import checked, chosen
from livekit_deploy.sandbox.aws.elasticache.store import Group, store_of
from livekit_deploy.sandbox.aws.elasticache.wire import (
    Asked,
    Item,
    arn,
    family,
    full_version,
    is_tiered,
    parameter_group_of,
    refused,
)
from livekit_deploy.sandbox.clock import SandboxClock

CREATION, DELETION, CHANGE = 415.0, 330.0, 120.0
_NAME = re.compile(r"[a-z](-?[a-z0-9]+)*")


class ElastiCache:
    """The operations of one account and region."""

    def __init__(self, backend: ElastiCacheBackend, clock: SandboxClock) -> None:
        self._backend, self._clock = backend, clock
        self._store = store_of(backend)
        self._ec2 = ec2_backends[backend.account_id][backend.region_name]
        for name in list(self._store.groups):
            self._advance(name)

    def _note(self, name: str, message: str) -> None:
        event = {"SourceIdentifier": name, "SourceType": "replication-group", "Message": message}
        self._store.events.append({**event, "Date": datetime.now(UTC)})

    def _advance(self, name: str) -> None:
        group = self._store.groups[name]
        if group.seconds < 0 or not self._clock.passed(group.since, group.seconds):
            return
        group.seconds = -1.0
        if group.wire["Status"] == "deleting":
            for id in group.interfaces.values():
                self._ec2.enis.pop(id, None)
            self._store.tags.pop(group.wire["ARN"], None)
            del self._store.groups[name]
            return
        if group.failure:
            self._note(name, f"Replication group creation failed: {group.failure}")
            group.wire["Status"], group.failure = "create-failed", ""
            return
        if group.wire["Status"] == "creating":
            self._note(name, "Replication group created")
        group.wire["Status"] = "available"

    # ---- replication groups

    def create_replication_group(self, asked: Asked) -> Item:
        name = asked["ReplicationGroupId"].lower()
        if name in self._store.groups:
            raise refused("ReplicationGroupAlreadyExists", f"Replication group {name} already exists.")
        self._check(name, asked)
        snapshots, maintenance = chosen(asked.get("SnapshotWindow"), asked.get("PreferredMaintenanceWindow"))
        shared = {**self._shared(asked), "PreferredMaintenanceWindow": maintenance}
        members = int(asked.get("NumCacheClusters") or 1)
        own = arn(self._backend, "replicationgroup", name)
        on = "enabled" if asked.get("AutomaticFailoverEnabled") else "disabled"
        wire: Item = {
            "ReplicationGroupId": name,
            "Description": asked["ReplicationGroupDescription"],
            "Status": "creating",
            "MemberClusters": [],
            "AutomaticFailover": on,
            "MultiAZ": "enabled" if asked.get("MultiAZEnabled") else "disabled",
            "AutoMinorVersionUpgrade": asked.get("AutoMinorVersionUpgrade") is not False,
            "DataTiering": "enabled" if asked.get("DataTieringEnabled") else "disabled",
            "SnapshotRetentionLimit": int(asked.get("SnapshotRetentionLimit") or 0),
            "SnapshotWindow": snapshots,
            "ClusterEnabled": False,
            "CacheNodeType": asked["CacheNodeType"],
            "AuthTokenEnabled": bool(asked.get("AuthToken")),
            "TransitEncryptionEnabled": bool(asked.get("TransitEncryptionEnabled")),
            **({"TransitEncryptionMode": "required"} if asked.get("TransitEncryptionEnabled") else {}),
            "AtRestEncryptionEnabled": bool(asked.get("AtRestEncryptionEnabled")),
            "ARN": own,
            "ReplicationGroupCreateTime": datetime.now(UTC),
        }
        tokens = tuple(filter(None, [asked.get("AuthToken")]))
        group = Group(wire, shared, {}, self._clock.now(), CREATION, tokens=tokens)
        self._store.groups[name] = group
        self._store.tags[own] = list(asked.get("Tags") or [])
        self._resize(group, members)
        return {"ReplicationGroup": wire}

    def _check(self, name: str, asked: Asked) -> None:
        if not _NAME.fullmatch(name) or len(name) > 40:
            raise refused("InvalidParameterValue", f"The parameter ReplicationGroupId is not valid: {name}")
        if token := asked.get("AuthToken"):
            if not asked.get("TransitEncryptionEnabled"):
                raise refused(
                    "InvalidParameterValue", "The AUTH token is only supported when encryption-in-transit is enabled"
                )
            check_token(token)
        members = int(asked.get("NumCacheClusters") or 1)
        if is_tiered(asked["CacheNodeType"]) != bool(asked.get("DataTieringEnabled")):
            raise refused(
                "InvalidParameterCombination", "DataTieringEnabled must be true with r6gd nodes, and only then."
            )
        if asked.get("AutomaticFailoverEnabled") and members < 2:
            raise refused("InvalidParameterCombination", "Automatic failover needs at least one replica.")
        if asked.get("MultiAZEnabled") and not asked.get("AutomaticFailoverEnabled"):
            raise refused("InvalidParameterCombination", "Multi-AZ needs automatic failover.")

    def _shared(self, asked: Asked) -> Item:
        engine = asked.get("Engine") or "redis"
        version = full_version(engine, asked.get("EngineVersion"))
        subnets = SubnetGroups(self._backend, self._store).named(asked["CacheSubnetGroupName"])
        return {
            "Engine": engine,
            "EngineVersion": version,
            "CacheSubnetGroupName": subnets["CacheSubnetGroupName"],
            "CacheParameterGroup": self._parameters(asked, engine, version),
            "SecurityGroups": self._groups(asked.get("SecurityGroupIds") or []),
        }

    def _parameters(self, asked: Asked, engine: str, version: str, present: str = "") -> Item:
        """The parameter group that is asked for, else the ``present`` one where it is somebody's, else the default."""
        kept = "" if present.startswith("default.") else present
        name = asked.get("CacheParameterGroupName") or kept or parameter_group_of(engine, version)
        found = ParameterGroups(self._backend, self._store).named(name)
        if (has := found["CacheParameterGroupFamily"]) != (needs := family(engine, version)):
            said = f"Expected a parameter group of family {needs} but found one of family {has}"
            raise refused("InvalidParameterCombination", said)
        return {"CacheParameterGroupName": found["CacheParameterGroupName"], "ParameterApplyStatus": "in-sync"}

    def _groups(self, ids: list[str]) -> list[Item]:
        for id in ids:
            if self._ec2.get_security_group_from_id(id) is None:
                raise refused("InvalidParameterValue", f"The security group {id} does not exist")
        return [{"SecurityGroupId": id, "Status": "active"} for id in ids]

    def _resize(self, group: Group, count: int, leaving: Collection[str] = ()) -> None:
        subnets = self._store.subnets[group.shared["CacheSubnetGroupName"]]["Subnets"]
        resize(group, count, [one["SubnetIdentifier"] for one in subnets], self._ec2, leaving)

    def _group(self, asked: Asked) -> Group:
        name = asked["ReplicationGroupId"].lower()
        if name not in self._store.groups:
            raise refused("ReplicationGroupNotFoundFault", f"ReplicationGroup {name} not found.")
        return self._store.groups[name]

    def _available(self, asked: Asked) -> Group:
        group = self._group(asked)
        if group.wire["Status"] != "available":
            raise refused("InvalidReplicationGroupState", f"Replication group is {group.wire['Status']}")
        return group

    def describe_replication_groups(self, asked: Asked) -> Item:
        found = [self._group(asked)] if asked.get("ReplicationGroupId") else list(self._store.groups.values())
        return {"ReplicationGroups": [_shown(group.wire) for group in found]}

    def describe_cache_clusters(self, asked: Asked) -> Item:
        found = [
            {
                "CacheClusterId": member,
                "ReplicationGroupId": group.wire["ReplicationGroupId"],
                "CacheNodeType": group.wire["CacheNodeType"],
                "CacheClusterStatus": group.wire["Status"],
                "NumCacheNodes": 1,
                **group.shared,
            }
            for group in self._store.groups.values()
            for member in group.wire["MemberClusters"]
        ]
        id = asked.get("CacheClusterId")
        return {"CacheClusters": [one for one in found if id in (None, one["CacheClusterId"])]}

    def modify_replication_group(self, asked: Asked) -> Item:
        group = self._available(asked)
        wire, shared = group.wire, group.shared
        self._check_changes(group, asked)
        wire["SnapshotWindow"], shared["PreferredMaintenanceWindow"] = checked(
            asked.get("SnapshotWindow") or wire["SnapshotWindow"],
            asked.get("PreferredMaintenanceWindow") or shared["PreferredMaintenanceWindow"],
        )
        group.tokens = authenticate(wire, asked, group.tokens)
        encrypt(wire, asked)
        if version := asked.get("EngineVersion"):
            wanted = full_version(asked.get("Engine") or shared["Engine"], version)
            changed = asked.get("Engine") not in (None, shared["Engine"])
            if changed and asked["Engine"] != "valkey":
                raise refused("InvalidParameterCombination", "Only Redis OSS can become Valkey.")
            if wanted.split(".") < shared["EngineVersion"].split("."):
                raise refused("InvalidParameterValue", "The engine version cannot be lowered.")
            engine, present = asked.get("Engine") or shared["Engine"], _parameter_group(shared)
            shared["CacheParameterGroup"] = self._parameters(asked, engine, wanted, present)
            shared["EngineVersion"], shared["Engine"] = wanted, engine
        elif asked.get("CacheParameterGroupName"):
            shared["CacheParameterGroup"] = self._parameters(asked, shared["Engine"], shared["EngineVersion"])
        self._switch(wire, asked)
        if ids := asked.get("SecurityGroupIds"):
            shared["SecurityGroups"] = self._groups(ids)
            for interface in group.interfaces.values():
                self._ec2.modify_network_interface_attribute(interface, ids)
        for key, name in {
            "CacheNodeType": "CacheNodeType",
            "ReplicationGroupDescription": "Description",
            "SnapshotRetentionLimit": "SnapshotRetentionLimit",
            "SnapshottingClusterId": "SnapshottingClusterId",
            "AutoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
        }.items():
            if asked.get(key) is not None:
                wire[name] = asked[key]
        return self._change(group)

    def _check_changes(self, group: Group, asked: Asked) -> None:
        """Snapshots come from a member, and memory does not become memory and disks."""
        source, wire = asked.get("SnapshottingClusterId"), group.wire
        if source and source not in group.interfaces:
            raise refused("CacheClusterNotFound", f"CacheCluster not found: {source}")
        if asked.get("SnapshotRetentionLimit") and not (wire["SnapshotRetentionLimit"] or source):
            raise refused("InvalidParameterCombination", "SnapshottingClusterId is needed to turn snapshots on.")
        if (kind := asked.get("CacheNodeType")) and is_tiered(kind) != (wire["DataTiering"] == "enabled"):
            raise refused("InvalidParameterValue", f"The group cannot change to {kind}: its data tiering is fixed.")

    def test_failover(self, asked: Asked) -> Item:
        group = self._available(asked)
        others = [one for one in group.wire["MemberClusters"] if one != group.primary]
        if not others or group.wire["AutomaticFailover"] != "enabled":
            raise refused("InvalidReplicationGroupState", "Automatic failover needs at least one replica.")
        group.primary = others[0]
        group.wire["NodeGroups"] = [shard(group, self._backend.region_name)]
        return self._change(group)

    def _switch(self, wire: Item, asked: Asked) -> None:
        on = {True: "enabled", False: "disabled"}
        if (failover := asked.get("AutomaticFailoverEnabled")) is not None:
            if failover and len(wire["MemberClusters"]) < 2:
                raise refused("InvalidParameterCombination", "Automatic failover needs at least one replica.")
            wire["AutomaticFailover"] = on[bool(failover)]
        if (spread := asked.get("MultiAZEnabled")) is not None:
            wire["MultiAZ"] = on[bool(spread)]

    def _change(self, group: Group) -> Item:
        group.wire["Status"], group.since, group.seconds = "modifying", self._clock.now(), CHANGE
        self._note(group.wire["ReplicationGroupId"], "Modification in progress")
        return {"ReplicationGroup": _shown(group.wire)}

    def increase_replica_count(self, asked: Asked) -> Item:
        group = self._available(asked)
        self._resize(group, int(asked["NewReplicaCount"]) + 1)
        return self._change(group)

    def decrease_replica_count(self, asked: Asked) -> Item:
        group = self._available(asked)
        left = int(asked["NewReplicaCount"]) + 1
        if left < 2 and group.wire["AutomaticFailover"] == "enabled":
            raise refused("InvalidReplicationGroupState", "Automatic failover needs at least one replica.")
        self._resize(group, left, asked.get("ReplicasToRemove") or ())
        return self._change(group)

    def delete_replication_group(self, asked: Asked) -> Item:
        group = self._group(asked)
        if group.wire["Status"] in ("creating", "modifying", "deleting"):
            raise refused("InvalidReplicationGroupState", f"Replication group is {group.wire['Status']}")
        group.wire["Status"], group.since, group.seconds = "deleting", self._clock.now(), DELETION
        return {"ReplicationGroup": _shown(group.wire)}

    # ---- what else is asked

    def describe_events(self, asked: Asked) -> Item:
        name = asked.get("SourceIdentifier")
        return {"Events": [one for one in self._store.events if name in (None, one["SourceIdentifier"])]}


def _parameter_group(shared: Item) -> str:
    return str(shared["CacheParameterGroup"]["CacheParameterGroupName"])


def _shown(wire: Item) -> Item:
    """As it is answered: a group that is being created has no endpoints yet."""
    hidden = {"NodeGroups"} if wire["Status"] == "creating" else set()
    return {key: value for key, value in wire.items() if key not in hidden}
