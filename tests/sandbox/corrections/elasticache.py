"""ElastiCache: replication groups with their members and states, subnet groups, parameter groups."""

from __future__ import annotations

from typing import Any

from tests.sandbox.corrections.harness import ProbedAws, probe, refused

_TOKEN = "abcdefghijklmnop"


def _subnets(world: ProbedAws) -> str:
    name = world.name("subnets")
    world.elasticache.create_cache_subnet_group(
        CacheSubnetGroupName=name, CacheSubnetGroupDescription="probe", SubnetIds=world.network().subnets
    )
    return name


def _group(world: ProbedAws, **more: Any) -> str:
    name = world.name("redis")
    asked = {"CacheNodeType": "cache.t4g.small", "Engine": "valkey", "EngineVersion": "8.0", **more}
    asked.setdefault("CacheSubnetGroupName", _subnets(world))
    world.elasticache.create_replication_group(ReplicationGroupId=name, ReplicationGroupDescription="probe", **asked)
    return name


def _seen(world: ProbedAws, name: str) -> dict[str, Any]:
    found: dict[str, Any] = world.elasticache.describe_replication_groups(ReplicationGroupId=name)
    return dict(found["ReplicationGroups"][0])


def _members(world: ProbedAws, name: str) -> list[dict[str, Any]]:
    found = world.elasticache.describe_cache_clusters()["CacheClusters"]
    return [one for one in found if one.get("ReplicationGroupId") == name]


def _modify(world: ProbedAws, name: str, **more: Any) -> None:
    world.elasticache.modify_replication_group(ReplicationGroupId=name, ApplyImmediately=True, **more)


@probe("ElastiCache")
def replication_group_takes_its_time(world: ProbedAws) -> None:
    """shows a new replication group as available at once

    creating, without endpoints, for some seven minutes; modifying after each change
    """
    with world.unhurried() as later:
        name = _group(world)
        assert _seen(world, name)["Status"] == "creating"
        assert "NodeGroups" not in _seen(world, name)
        with refused("InvalidReplicationGroupState"):
            _modify(world, name, ReplicationGroupDescription="later")
        later(900)
        assert _seen(world, name)["Status"] == "available"
        _modify(world, name, ReplicationGroupDescription="later")
        assert _seen(world, name)["Status"] == "modifying"
        later(900)
        assert _seen(world, name)["Status"] == "available"


@probe("ElastiCache")
def replication_group_finishes_deleting(world: ProbedAws) -> None:
    """keeps a deleted replication group in state deleting for ever

    gone after a while, its interfaces too; its name is free again
    """
    subnets = _subnets(world)
    name = _group(world, CacheSubnetGroupName=subnets)
    assert _seen(world, name)["Status"] == "available"
    with world.unhurried() as later:
        world.elasticache.delete_replication_group(ReplicationGroupId=name)
        assert _seen(world, name)["Status"] == "deleting"
        later(900)
        with refused("ReplicationGroupNotFoundFault"):
            _seen(world, name)
    world.elasticache.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription="probe",
        CacheNodeType="cache.t4g.small",
        CacheSubnetGroupName=subnets,
    )


@probe("ElastiCache")
def replication_group_has_its_members(world: ProbedAws) -> None:
    """makes one member for two, and lists none among the cache clusters

    as many as asked for, each listed, with an interface in a subnet of the group
    """
    subnets = _subnets(world)
    name = _group(world, CacheSubnetGroupName=subnets, NumCacheClusters=2, AutomaticFailoverEnabled=True)
    assert _seen(world, name)["MemberClusters"] == [f"{name}-001", f"{name}-002"]
    assert [one["CacheClusterId"] for one in _members(world, name)] == [f"{name}-001", f"{name}-002"]
    where = [{"Name": "description", "Values": [f"ElastiCache {name}-*"]}]
    assert len(world.ec2.describe_network_interfaces(Filters=where)["NetworkInterfaces"]) == 2


@probe("ElastiCache")
def replication_group_endpoints(world: ProbedAws) -> None:
    """gives a replication group one endpoint in us-east-1, under another name than AWS's, and none to read from

    primary and reader, in its own region, named by whether it is encrypted
    """
    shard = _seen(world, _group(world, TransitEncryptionEnabled=True, AuthToken=_TOKEN))["NodeGroups"][0]
    assert shard["PrimaryEndpoint"]["Address"].startswith("master.")
    assert shard.get("ReaderEndpoint", {}).get("Address", "").startswith("replica.")
    assert ".us-east-1.cache.amazonaws.com" in shard["PrimaryEndpoint"]["Address"]


@probe("ElastiCache")
def replication_group_is_checked(world: ProbedAws) -> None:
    """accepts AUTH without TLS, a token of one character, failover with one node, subnets that there are not

    refuses each
    """
    with refused("InvalidParameterValue"):
        _group(world, AuthToken=_TOKEN)
    with refused("InvalidParameterValue"):
        _group(world, AuthToken="a", TransitEncryptionEnabled=True)
    with refused("InvalidParameterCombination"):
        _group(world, AutomaticFailoverEnabled=True, NumCacheClusters=1)
    with refused("CacheSubnetGroupNotFoundFault"):
        _group(world, CacheSubnetGroupName=world.name("nothing"))


@probe("ElastiCache")
def replication_group_is_modified(world: ProbedAws) -> None:
    """accepts another engine version, security group or parameter group, and ignores it

    its members show it
    """
    vpc = world.network().vpc
    group = world.group(vpc)
    name = _group(world)
    _modify(world, name, EngineVersion="8.1")
    assert _seen(world, name)["Status"] == "available"
    _modify(world, name, SecurityGroupIds=[group])
    assert _seen(world, name)["Status"] == "available"
    members = _members(world, name)
    assert [one["EngineVersion"] for one in members] == ["8.1.1"]
    assert [one["SecurityGroupId"] for one in members[0]["SecurityGroups"]] == [group]


@probe("ElastiCache")
def replication_group_is_encrypted_step_by_step(world: ProbedAws) -> None:
    """ignores a change of encryption in transit and of AUTH

    in two steps, by way of `preferred`; AUTH after TLS only
    """
    name = _group(world)
    with refused("InvalidParameterCombination"):
        _modify(world, name, TransitEncryptionEnabled=True, TransitEncryptionMode="required")
    with refused("InvalidParameterCombination"):
        _modify(world, name, AuthToken=_TOKEN, AuthTokenUpdateStrategy="ROTATE")
    for more in (
        {"TransitEncryptionEnabled": True, "TransitEncryptionMode": "preferred"},
        {"TransitEncryptionMode": "required"},
        {"AuthToken": _TOKEN, "AuthTokenUpdateStrategy": "ROTATE"},
        {"AuthToken": _TOKEN, "AuthTokenUpdateStrategy": "SET"},
    ):
        _modify(world, name, **more)
        assert _seen(world, name)["Status"] == "available"
    found = _seen(world, name)
    assert (found["TransitEncryptionMode"], found["AuthTokenEnabled"]) == ("required", True)


@probe("ElastiCache")
def replication_group_changes_its_token(world: ProbedAws) -> None:
    """ignores the strategy of a new AUTH token

    ROTATE adds one, also the first; SET, only after it, ends the one before; DELETE is for user groups only
    """
    name = _group(world, TransitEncryptionEnabled=True)
    new = _TOKEN[::-1]
    with refused("InvalidParameterCombination"):
        _modify(world, name, AuthToken=_TOKEN, AuthTokenUpdateStrategy="SET")
    for strategy, token in (("ROTATE", _TOKEN), ("SET", _TOKEN), ("ROTATE", new)):
        _modify(world, name, AuthToken=token, AuthTokenUpdateStrategy=strategy)
        assert _seen(world, name)["Status"] == "available"
    with refused("InvalidParameterCombination"):
        _modify(world, name, AuthTokenUpdateStrategy="DELETE")
    _modify(world, name, AuthToken=new, AuthTokenUpdateStrategy="SET")
    assert _seen(world, name)["Status"] == "available"
    with refused("InvalidParameterCombination"):
        _modify(world, name, AuthToken=new, AuthTokenUpdateStrategy="SET")


@probe("ElastiCache", fails="NotImplementedError")
def snapshots_come_from_a_member(world: ProbedAws) -> None:
    """takes any name for the member that snapshots are taken of

    one that there is; a failover changes the primary, and members that leave take their names with them
    """
    name = _group(world, NumCacheClusters=2, AutomaticFailoverEnabled=True)
    world.elasticache.test_failover(ReplicationGroupId=name, NodeGroupId="0001")
    roles = {
        one["CacheClusterId"]: one["CurrentRole"] for one in _seen(world, name)["NodeGroups"][0]["NodeGroupMembers"]
    }
    assert roles == {f"{name}-001": "replica", f"{name}-002": "primary"}
    _modify(world, name, AutomaticFailoverEnabled=False)
    _seen(world, name)
    world.elasticache.decrease_replica_count(ReplicationGroupId=name, NewReplicaCount=0, ApplyImmediately=True)
    assert _seen(world, name)["MemberClusters"] == [f"{name}-002"]
    with refused("CacheClusterNotFound"):
        _modify(world, name, SnapshotRetentionLimit=1, SnapshottingClusterId=f"{name}-001")
    with refused("InvalidParameterCombination"):
        _modify(world, name, SnapshotRetentionLimit=1)
    _modify(world, name, SnapshotRetentionLimit=1, SnapshottingClusterId=f"{name}-002")
    assert _seen(world, name)["SnapshotRetentionLimit"] == 1


@probe("ElastiCache")
def windows_of_a_replication_group(world: ProbedAws) -> None:
    """does not tell when snapshots are taken and when a group is maintained, and takes any two windows

    both, chosen where they were not asked for; an hour or longer, and never at the same time
    """
    name = _group(world)
    assert _seen(world, name).get("SnapshotWindow") == "05:00-06:00"
    assert _members(world, name)[0]["PreferredMaintenanceWindow"] == "sun:07:00-sun:08:00"
    _modify(world, name, SnapshotWindow="23:30-00:30", PreferredMaintenanceWindow="mon:03:00-mon:04:00")
    assert _seen(world, name)["Status"] == "available"
    assert _seen(world, name)["SnapshotWindow"] == "23:30-00:30"
    assert _members(world, name)[0]["PreferredMaintenanceWindow"] == "mon:03:00-mon:04:00"
    for wrong in ("05:00-05:59", "03:30-04:30", "02:00-03:01"):
        with refused("InvalidParameterValue"):
            _modify(world, name, SnapshotWindow=wrong)
    with refused("InvalidParameterValue"):
        _modify(world, name, PreferredMaintenanceWindow="mon:23:00-tue:01:00")
    with refused("InvalidParameterValue"):
        _group(world, SnapshotWindow="05:00-06:00", PreferredMaintenanceWindow="sun:05:30-sun:06:30")
    other = _group(world, SnapshotWindow="07:00-09:00")
    assert _members(world, other)[0]["PreferredMaintenanceWindow"] == "sun:03:00-sun:04:00"


@probe("ElastiCache")
def data_tiering_goes_with_its_nodes(world: ProbedAws) -> None:
    """makes r6gd nodes without data tiering, and of other nodes

    refuses both
    """
    with refused("InvalidParameterCombination"):
        _group(world, CacheNodeType="cache.r6gd.xlarge")
    with refused("InvalidParameterValue"):
        _modify(world, _group(world), CacheNodeType="cache.r6gd.xlarge")


@probe("ElastiCache")
def minor_versions_are_raised_unless_refused(world: ProbedAws) -> None:
    """does not tell whether AWS may raise the minor version

    it may, unless the caller says that it may not
    """
    name = _group(world)
    assert _seen(world, name).get("AutoMinorVersionUpgrade") is True
    _modify(world, name, AutoMinorVersionUpgrade=False)
    assert _seen(world, name).get("AutoMinorVersionUpgrade") is False


@probe("ElastiCache", fails="NotImplementedError")
def replication_group_gets_replicas(world: ProbedAws) -> None:
    """cannot change the number of replicas

    members are added and taken away; failover needs one
    """
    name = _group(world, NumCacheClusters=2, AutomaticFailoverEnabled=True)
    world.elasticache.increase_replica_count(ReplicationGroupId=name, NewReplicaCount=2, ApplyImmediately=True)
    assert len(_seen(world, name)["MemberClusters"]) == 3
    world.elasticache.decrease_replica_count(ReplicationGroupId=name, NewReplicaCount=1, ApplyImmediately=True)
    assert len(_seen(world, name)["MemberClusters"]) == 2
    with refused("InvalidReplicationGroupState"):
        world.elasticache.decrease_replica_count(ReplicationGroupId=name, NewReplicaCount=0, ApplyImmediately=True)


@probe("ElastiCache", fails="NotImplementedError")
def replication_group_has_events(world: ProbedAws) -> None:
    """has no events

    says what happened to a replication group
    """
    name = _group(world)
    world.elasticache.describe_replication_groups(ReplicationGroupId=name)
    found = world.elasticache.describe_events(SourceIdentifier=name, SourceType="replication-group")["Events"]
    assert [one["Message"] for one in found] == ["Replication group created"]


@probe("ElastiCache")
def subnet_group_is_checked(world: ProbedAws) -> None:
    """accepts subnets that there are not, and keeps capital letters in the group's name

    InvalidSubnet; the name is in small letters
    """
    with refused("InvalidSubnet"):
        world.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName=world.name("subnets"), CacheSubnetGroupDescription="probe", SubnetIds=["subnet-1"]
        )
    name = world.name("Subnets")
    made = world.elasticache.create_cache_subnet_group(
        CacheSubnetGroupName=name, CacheSubnetGroupDescription="probe", SubnetIds=world.network().subnets
    )
    assert made["CacheSubnetGroup"]["CacheSubnetGroupName"] == name.lower()


@probe("ElastiCache", fails="NotImplementedError")
def subnet_group_is_modified_and_deleted(world: ProbedAws) -> None:
    """cannot modify or delete a subnet group

    both, but not what a replication group uses
    """
    name = _subnets(world)
    used = _group(world, CacheSubnetGroupName=name)
    with refused("CacheSubnetGroupInUse"):
        world.elasticache.delete_cache_subnet_group(CacheSubnetGroupName=name)
    world.elasticache.delete_replication_group(ReplicationGroupId=used)
    subnets = world.network().subnets
    world.elasticache.modify_cache_subnet_group(CacheSubnetGroupName=name, SubnetIds=subnets)
    found = world.elasticache.describe_cache_subnet_groups(CacheSubnetGroupName=name)["CacheSubnetGroups"][0]
    assert sorted(one["SubnetIdentifier"] for one in found["Subnets"]) == sorted(subnets)
    world.elasticache.delete_cache_subnet_group(CacheSubnetGroupName=name)
    with refused("CacheSubnetGroupNotFoundFault"):
        world.elasticache.describe_cache_subnet_groups(CacheSubnetGroupName=name)


@probe("ElastiCache", fails="NotImplementedError")
def parameter_groups(world: ProbedAws) -> None:
    """has no parameter groups

    created, changed, used by a replication group, and deleted when it is not; the default ones stay as they are
    """
    name = world.name("parameters")
    world.elasticache.create_cache_parameter_group(
        CacheParameterGroupName=name, CacheParameterGroupFamily="valkey8", Description="probe"
    )
    value = [{"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}]
    world.elasticache.modify_cache_parameter_group(CacheParameterGroupName=name, ParameterNameValues=value)
    found = world.elasticache.describe_cache_parameters(CacheParameterGroupName=name, Source="user")["Parameters"]
    assert [(one["ParameterName"], one["ParameterValue"]) for one in found] == [("maxmemory-policy", "noeviction")]
    group = _group(world)
    default = _members(world, group)[0]["CacheParameterGroup"]["CacheParameterGroupName"]
    assert default == "default.valkey8"
    _modify(world, group, CacheParameterGroupName=name)
    assert _members(world, group)[0]["CacheParameterGroup"]["CacheParameterGroupName"] == name
    with refused("InvalidCacheParameterGroupState"):
        world.elasticache.delete_cache_parameter_group(CacheParameterGroupName=name)
    with refused("InvalidCacheParameterGroupState"):
        world.elasticache.modify_cache_parameter_group(CacheParameterGroupName=default, ParameterNameValues=value)
    world.elasticache.delete_replication_group(ReplicationGroupId=group)
    world.elasticache.describe_replication_groups()
    world.elasticache.delete_cache_parameter_group(CacheParameterGroupName=name)
    with refused("CacheParameterGroupNotFound"):
        world.elasticache.describe_cache_parameter_groups(CacheParameterGroupName=name)


@probe("ElastiCache", fails="NotImplementedError")
def parameters_are_checked(world: ProbedAws) -> None:
    """has no parameters of a group

    a value that a parameter may have, at most 20 in a call; they go back to their defaults one by one
    """
    name = world.name("parameters")
    world.elasticache.create_cache_parameter_group(
        CacheParameterGroupName=name, CacheParameterGroupFamily="valkey8", Description="probe"
    )

    def set_to(**values: str) -> None:
        asked = [{"ParameterName": key.replace("_", "-"), "ParameterValue": value} for key, value in values.items()]
        world.elasticache.modify_cache_parameter_group(CacheParameterGroupName=name, ParameterNameValues=asked)

    def own() -> dict[str, str]:
        found = world.elasticache.describe_cache_parameters(CacheParameterGroupName=name, Source="user")["Parameters"]
        return {one["ParameterName"]: one["ParameterValue"] for one in found}

    for wrong in ({"timeout": "10"}, {"timeout": "soon"}, {"no_such": "1"}, {"maxclients": "10"}):
        with refused("InvalidParameterValue"):
            set_to(**wrong)
    with refused("InvalidParameterCombination"):
        set_to(**{f"timeout{number}": "20" for number in range(21)})
    set_to(timeout="20", tcp_keepalive="60")
    assert own() == {"timeout": "20", "tcp-keepalive": "60"}
    world.elasticache.reset_cache_parameter_group(
        CacheParameterGroupName=name, ParameterNameValues=[{"ParameterName": "timeout"}]
    )
    assert own() == {"tcp-keepalive": "60"}


@probe("ElastiCache", fails="NotImplementedError")
def parameters_are_of_the_engines_family(world: ProbedAws) -> None:
    """has no parameter groups

    a group takes parameters of its engine's major version, and moves to another with parameters of that
    """
    names = {family: world.name(family) for family in ("valkey7", "valkey8")}
    for family, name in names.items():
        world.elasticache.create_cache_parameter_group(
            CacheParameterGroupName=name, CacheParameterGroupFamily=family, Description="probe"
        )
    with refused("InvalidParameterCombination", "Expected a parameter group of family valkey8"):
        _group(world, CacheParameterGroupName=names["valkey7"])
    group = _group(world, EngineVersion="7.2", CacheParameterGroupName=names["valkey7"])
    with refused("InvalidParameterCombination", "Expected a parameter group of family valkey8"):
        _modify(world, group, EngineVersion="8.0")
    _modify(world, group, EngineVersion="8.0", CacheParameterGroupName=names["valkey8"])
    assert _seen(world, group)["Status"] == "available"
    assert _members(world, group)[0]["CacheParameterGroup"]["CacheParameterGroupName"] == names["valkey8"]


@probe("ElastiCache", fails="NotImplementedError")
def engine_versions(world: ProbedAws) -> None:
    """cannot tell which engine versions there are

    each with its family of parameters
    """
    found = world.elasticache.describe_cache_engine_versions(Engine="valkey", EngineVersion="8.0")
    assert [one["CacheParameterGroupFamily"] for one in found["CacheEngineVersions"]] == ["valkey8"]
