"""ElastiCache for LiveKit: a subnet group, and a replication group with TLS and a token, cluster mode off.

AWS does not tell which token a group has. The version of the secret is therefore written into the group's description,
in the same call that sets the token: it is true after a crash at any point, and it is no secret. A new token is good
beside the old one first (ROTATE, "token b after a"), and alone once no pod has the old one any more (SET, "token b").
Our tags are in the description as well as in the tags, which ElastiCache refuses to tell before a group is available
(API reference, ListTagsForResource).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS, pairs
from livekit_deploy.aws.kinds.ec2.diagnosis import cause_and_remedy
from livekit_deploy.aws.kinds.elasticache.engine_versions import DEFAULT, as_given, default_group, later_minor, order
from livekit_deploy.aws.kinds.elasticache.observed_groups import PORT, PREFERRED, live_group, members_of
from livekit_deploy.aws.kinds.elasticache.subnet_groups import ElastiCacheResource, ours, tags_of
from livekit_deploy.aws.kinds.named import NOWHERE, Item, there
from livekit_deploy.base.time_windows import is_weekly, overlap
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output, SecretRef
from livekit_deploy.engine.resource import MINUTE, Found, Live
from livekit_deploy.errors import Absent

_UNKNOWN = "unknown"
#: AUTH that somebody else switched (ElastiCache API reference, AuthTokenUpdateStrategy)
_AUTH_ON = "ElastiCache cannot turn AUTH off without user groups: set redis.auth to true, which makes a new group."
_AUTH_OFF = "Remove the group's user groups in ElastiCache and set its token again, or set redis.auth to false."
#: it answers "The snapshot window and maintenance window must not overlap"
_APART = "ElastiCache takes no snapshots while it maintains the group"


def _enabled(status: str) -> bool:
    return status == "enabled"


class ReplicationGroup(ElastiCacheResource):
    """A Redis or Valkey with one shard. ``version`` is compared to the precision given.

    ``replicas`` are beside the primary; ``failover`` and ``multi_az`` need at least one. ``auth`` says whether a token
    is asked for, ``auth_token`` where it is kept, ``old_token`` whether the one before is still good although no pod
    has it. ``snapshot_retention`` is in days, 0 for none; ``snapshot_window`` is a daily one,
    None for ElastiCache's choice; so is ``parameter_group``. ``minor_upgrades`` lets AWS raise the minor version.
    Source: ElastiCache API reference, CreateReplicationGroup and ModifyReplicationGroup.
    """

    kind = "elasticache.replication_group"
    longest = 40
    listing = ("describe_replication_groups", "ReplicationGroups", "ReplicationGroupId")
    timeout, delete_timeout = 60 * MINUTE, 45 * MINUTE
    usual, usual_delete = 7 * MINUTE, 6 * MINUTE
    exports = {"redis_address": "redis.address"}
    propagation = {
        "ServiceLinkedRoleNotFoundFault": (),
        # what was made a moment ago
        "CacheSubnetGroupNotFoundFault": (),
        "CacheParameterGroupNotFound": (),
        "InvalidGroup.NotFound": (),
        "InvalidParameterValue": ("security group",),
    }

    # a node of the group shows these, and the group itself does not
    engine: Input[str] = Input(api="Engine", shown="", change=Change.IMMUTABLE, default="valkey")
    version: Input[str] = Input(api="EngineVersion", shown="")
    security_group_ids: Inputs[str] = Inputs(api="SecurityGroupIds", shown="")
    subnet_group: Input[str] = Input(api="CacheSubnetGroupName", shown="", change=Change.IMMUTABLE)
    parameter_group: Input[str | None] = Input(api="CacheParameterGroupName", shown="", default=None)
    # the group itself
    minor_upgrades: Input[bool] = Input(api="AutoMinorVersionUpgrade", absent=False, default=False)
    node_type: Input[str] = Input(api="CacheNodeType")
    replicas: Input[int] = Input(
        api="NumCacheClusters",
        to_api=lambda replicas: replicas + 1,
        shown="MemberClusters",
        from_api=lambda nodes: max(len(nodes) - 1, 0),
        absent=0,
        default=0,
    )
    failover: Input[bool] = Input(
        api="AutomaticFailoverEnabled", shown="AutomaticFailover", from_api=_enabled, absent=False, default=False
    )
    multi_az: Input[bool] = Input(api="MultiAZEnabled", shown="MultiAZ", from_api=_enabled, absent=False, default=False)
    snapshot_retention: Input[int] = Input(api="SnapshotRetentionLimit", absent=0, default=0)
    snapshot_window: Input[str | None] = Input(api="SnapshotWindow", default=None)
    # TLS may be half on; the token is read in the call that sends it, and the description says which it is
    tls: Input[bool] = Input(api="TransitEncryptionEnabled", shown="", change=Change.IMMUTABLE, default=True)
    auth: Input[bool] = Input(shown="AuthTokenEnabled", absent=False, change=Change.IMMUTABLE, default=True)
    auth_token: Input[SecretRef | None] = Input(default=None)
    old_token: Input[bool] = Input(default=False)

    arn = Output[str]("ARN")
    endpoint = Output[str]()
    port = Output[int]()
    redis_address = Output[str]()

    def differs(self, key: str, want: Any, have: Any) -> bool:
        """Engine versions are compared to the precision given, tokens by the version of their secret.

        A later minor version of the same major serves as well: AWS may raise it, and there is no way back.
        """
        if key == "version" and isinstance(want, str) and isinstance(have, str):
            return have != want and not have.startswith(f"{want}.") and not later_minor(want, have)
        if key == "auth_token" and isinstance(want, Mapping) and isinstance(have, Mapping):
            return bool(want.get("version") != have.get("version"))
        if key == "snapshot_window" and want is None:
            return False
        if key == "parameter_group" and want is None:
            return not str(have or DEFAULT).startswith(DEFAULT)
        return super().differs(key, want, have)

    def refusals(self, live: Live, changed: Iterable[str]) -> dict[str, str]:
        """Also what ElastiCache cannot take back: a newer engine version, Valkey that was Redis, AUTH or none."""
        changed = list(changed)
        found = super().refusals(live, changed)
        have = live.props.get("version")
        if "version" in changed and have and order(self.version) < order(have)[: len(order(self.version))]:
            found["version"] = f'ElastiCache does not go back: set redis.version to "{as_given(have)}".'
        if "engine" in changed:
            found["engine"] = f"ElastiCache does not go back: set redis.engine to {live.props['engine']}, a new group."
        if "snapshot_window" in changed and (weekly := self._maintained(live)):
            found["snapshot_window"] = f"{_APART}: set redis.snapshot_window to a time outside of {weekly}."
        if "auth" in changed:
            found["auth"] = _AUTH_ON if live.props["auth"] else _AUTH_OFF
        return found

    def notice(self, live: Live) -> tuple[str, str]:
        """Also a version that AWS raised: it serves, and the file should say so."""
        have, want = live.props.get("version"), self.version
        if live.warning or not have or not later_minor(want, have):
            return super().notice(live)
        said = f"it runs {live.props['engine']} {have}, and the file says {want}: somebody raised it, perhaps AWS"
        return said, f'set redis.version to "{as_given(have)}": ElastiCache cannot lower a version'

    def _maintained(self, live: Live) -> str:
        """The group's maintenance window, where its snapshots are to fall into it; "" where they are not."""
        weekly = str(live.props.get("maintenance_window"))
        return weekly if is_weekly(weekly) and self.snapshot_window and overlap(self.snapshot_window, weekly) else ""

    # ---- verbs

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        name = id or self.own_name(cloud)
        try:
            group = self.described(cloud, NOWHERE, name)
            live = self._seen(cloud, group, members_of(cloud, group))
            if id is None:  # its description says whose it is only as long as its tags are not told
                own_tags = live.tags if live.tags is not None else tags_of(cloud, group)
                cloud.ownership.claim(own_tags, self.address, f"the replication group {name}")
        except Absent:  # deleted since
            return None
        return live

    def create(self, cloud: Cloud, token: str) -> str:
        name = self.own_name(cloud)
        secret = {"AuthToken": cloud.secret(self.auth_token)} if self.auth and self.auth_token else {}
        cloud.elasticache.create_replication_group(
            ReplicationGroupId=name,
            ReplicationGroupDescription=self._description(cloud),
            AtRestEncryptionEnabled=True,
            Port=PORT,
            Tags=pairs(cloud.ownership.tags(self.address, name)),
            **self.arguments(),
            **secret,
        )
        return name

    def _description(self, cloud: Cloud, old: str = "") -> str:
        token = f" token {self.auth_token.version}" if self.auth and self.auth_token else ""
        after = f" after {old}" if old else ""
        return f"LiveKit {cloud.ownership.prefix} [{cloud.ownership.lineage} {self.address}]{token}{after}"

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """One step. Failover needs a replica: it is switched off before the last one goes, on once there is one."""
        grows = self.replicas > live.props["replicas"]
        if "replicas" in changed and grows:
            self._resize(cloud, "increase_replica_count", live)
        elif {"failover", "multi_az"} & changed:
            self._modify(cloud, live, **self.arguments("failover", "multi_az"))
        elif "replicas" in changed:
            self._resize(cloud, "decrease_replica_count", live)
        elif "tls" in changed:
            self._switch_tls(cloud, live)
        elif "auth_token" in changed:
            present = live.props.get("auth_token") or {}
            self._set_token(cloud, live, "ROTATE", str(present.get("version", _UNKNOWN)))
        elif "old_token" in changed:
            self._set_token(cloud, live, "SET")
        elif "snapshot_retention" in changed:
            # from none to some, ElastiCache has to be told which node to take them from
            new = {"SnapshottingClusterId": _replica(cloud, live)} if not live.props["snapshot_retention"] else {}
            self._modify(cloud, live, **self.arguments("snapshot_retention"), **new)
        else:
            alone = ("snapshot_window", "security_group_ids", "node_type", "version", "parameter_group")
            key = next((key for key in alone if key in changed), "minor_upgrades")
            # another major version takes parameters of its own family only
            group = self._parameters(changed) if key in ("version", "parameter_group") else {}
            self._modify(cloud, live, **{**self.arguments(key), **group})

    def _parameters(self, changed: frozenset[str]) -> dict[str, str]:
        name = self.parameter_group or default_group(self.engine, self.version)
        return {"CacheParameterGroupName": name} if "parameter_group" in changed else {}

    def _switch_tls(self, cloud: Cloud, live: Live) -> None:
        """On and off in two steps, by way of both."""
        half = live.props["tls"] == PREFERRED
        mode = "required" if half and self.tls else PREFERRED
        off = {"TransitEncryptionEnabled": False} if half and not self.tls else {"TransitEncryptionMode": mode}
        self._modify(cloud, live, **({"TransitEncryptionEnabled": True} if self.tls else {}), **off)

    def _resize(self, cloud: Cloud, operation: str, live: Live) -> None:
        resize = getattr(cloud.elasticache, operation)
        resize(ReplicationGroupId=live.id, NewReplicaCount=self.replicas, ApplyImmediately=True)

    def _set_token(self, cloud: Cloud, live: Live, strategy: str, old: str = "") -> None:
        """Give it the token, which is good beside the ``old`` one, or alone."""
        if self.auth_token is not None:
            self._modify(
                cloud,
                live,
                AuthToken=cloud.secret(self.auth_token),
                AuthTokenUpdateStrategy=strategy,
                ReplicationGroupDescription=self._description(cloud, old),
            )

    def _modify(self, cloud: Cloud, live: Live, **what: Any) -> None:
        cloud.elasticache.modify_replication_group(ReplicationGroupId=live.id, ApplyImmediately=True, **what)

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Delete it without a last snapshot: what LiveKit keeps there is worth nothing once its rooms are gone."""
        cloud.elasticache.delete_replication_group(ReplicationGroupId=live.id, RetainPrimaryCluster=False)

    def diagnose(self, cloud: Cloud, live: Live | None) -> tuple[str, str]:
        return cause_and_remedy(live)

    @classmethod
    def _seen(cls, cloud: Cloud, group: Item, nodes: list[Item]) -> Live:
        return live_group(cloud, group, nodes, cls.props_of(group), cls.outputs_of(group))

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        for tags, group in ours(cloud, *cls.listing):
            nodes = cloud.elasticache.pages("describe_cache_clusters", "CacheClusters")
            own = [node for node in nodes if node.get("ReplicationGroupId") == group["ReplicationGroupId"]]
            with contextlib.suppress(Absent):  # a late list shows it
                yield Found(tags.get(ADDRESS, ""), cls._seen(cloud, group, own))

    @classmethod
    def exists(cls, cloud: Cloud, live: Live) -> bool:
        return there(lambda: cls.described(cloud, NOWHERE, live.id)) is not None


def _replica(cloud: Cloud, live: Live) -> str:
    """A member that snapshots may be taken of: a replica where there is one, since the primary has calls to serve."""
    group = ReplicationGroup.described(cloud, NOWHERE, live.id)
    members = [one for shard in group.get("NodeGroups", []) for one in shard.get("NodeGroupMembers", [])]
    members.sort(key=lambda one: one.get("CurrentRole") != "replica")
    return str(members[0]["CacheClusterId"] if members else group["MemberClusters"][0])
