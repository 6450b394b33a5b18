"""ElastiCache: replication groups with their members and states."""

from __future__ import annotations

from typing import Any

from tests.sandbox.corrections.harness import ProbedAws, probe, refused

_TOKEN = "abcdefghijklmnop"


def subnets_of(world: ProbedAws) -> str:
    name = world.name("subnets")
    world.elasticache.create_cache_subnet_group(
        CacheSubnetGroupName=name, CacheSubnetGroupDescription="probe", SubnetIds=world.network().subnets
    )
    return name


def group_of(world: ProbedAws, **more: Any) -> str:
    name = world.name("redis")
    asked = {"CacheNodeType": "cache.t4g.small", "Engine": "valkey", "EngineVersion": "8.0", **more}
    asked.setdefault("CacheSubnetGroupName", subnets_of(world))
    world.elasticache.create_replication_group(ReplicationGroupId=name, ReplicationGroupDescription="probe", **asked)
    return name


def seen(world: ProbedAws, name: str) -> dict[str, Any]:
    found: dict[str, Any] = world.elasticache.describe_replication_groups(ReplicationGroupId=name)
    return dict(found["ReplicationGroups"][0])


def members_of(world: ProbedAws, name: str) -> list[dict[str, Any]]:
    found = world.elasticache.describe_cache_clusters()["CacheClusters"]
    return [one for one in found if one.get("ReplicationGroupId") == name]


def modify(world: ProbedAws, name: str, **more: Any) -> None:
    world.elasticache.modify_replication_group(ReplicationGroupId=name, ApplyImmediately=True, **more)


@probe("ElastiCache")
def replication_group_takes_its_time(world: ProbedAws) -> None:
    """shows a new replication group as available at once

    creating, without endpoints, for some seven minutes; modifying after each change
    """
    with world.unhurried() as later:
        name = group_of(world)
        assert seen(world, name)["Status"] == "creating"
        assert "NodeGroups" not in seen(world, name)
        with refused("InvalidReplicationGroupState"):
            modify(world, name, ReplicationGroupDescription="later")
        later(900)
        assert seen(world, name)["Status"] == "available"
        modify(world, name, ReplicationGroupDescription="later")
        assert seen(world, name)["Status"] == "modifying"
        later(900)
        assert seen(world, name)["Status"] == "available"


@probe("ElastiCache")
def replication_group_finishes_deleting(world: ProbedAws) -> None:
    """keeps a deleted replication group in state deleting for ever

    gone after a while, its interfaces too; its name is free again
    """
    subnets = subnets_of(world)
    name = group_of(world, CacheSubnetGroupName=subnets)
    assert seen(world, name)["Status"] == "available"
    with world.unhurried() as later:
        world.elasticache.delete_replication_group(ReplicationGroupId=name)
        assert seen(world, name)["Status"] == "deleting"
        later(900)
        with refused("ReplicationGroupNotFoundFault"):
            seen(world, name)
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
    subnets = subnets_of(world)
    name = group_of(world, CacheSubnetGroupName=subnets, NumCacheClusters=2, AutomaticFailoverEnabled=True)
    assert seen(world, name)["MemberClusters"] == [f"{name}-001", f"{name}-002"]
    assert [one["CacheClusterId"] for one in members_of(world, name)] == [f"{name}-001", f"{name}-002"]
    where = [{"Name": "description", "Values": [f"ElastiCache {name}-*"]}]
    assert len(world.ec2.describe_network_interfaces(Filters=where)["NetworkInterfaces"]) == 2


@probe("ElastiCache")
def replication_group_endpoints(world: ProbedAws) -> None:
    """gives a replication group one endpoint in us-east-1, under another name than AWS's, and none to read from

    primary and reader, in its own region, named by whether it is encrypted
    """
    shard = seen(world, group_of(world, TransitEncryptionEnabled=True, AuthToken=_TOKEN))["NodeGroups"][0]
    assert shard["PrimaryEndpoint"]["Address"].startswith("master.")
    assert shard.get("ReaderEndpoint", {}).get("Address", "").startswith("replica.")
    assert ".us-east-1.cache.amazonaws.com" in shard["PrimaryEndpoint"]["Address"]


@probe("ElastiCache")
def replication_group_is_checked(world: ProbedAws) -> None:
    """accepts AUTH without TLS, a token of one character, failover with one node, subnets that there are not

    refuses each
    """
    with refused("InvalidParameterValue"):
        group_of(world, AuthToken=_TOKEN)
    with refused("InvalidParameterValue"):
        group_of(world, AuthToken="a", TransitEncryptionEnabled=True)
    with refused("InvalidParameterCombination"):
        group_of(world, AutomaticFailoverEnabled=True, NumCacheClusters=1)
    with refused("CacheSubnetGroupNotFoundFault"):
        group_of(world, CacheSubnetGroupName=world.name("nothing"))


@probe("ElastiCache")
def replication_group_is_modified(world: ProbedAws) -> None:
    """accepts another engine version, security group or parameter group, and ignores it

    its members show it
    """
    vpc = world.network().vpc
    group = world.group(vpc)
    name = group_of(world)
    modify(world, name, EngineVersion="8.1")
    assert seen(world, name)["Status"] == "available"
    modify(world, name, SecurityGroupIds=[group])
    assert seen(world, name)["Status"] == "available"
    members = members_of(world, name)
    assert [one["EngineVersion"] for one in members] == ["8.1.1"]
    assert [one["SecurityGroupId"] for one in members[0]["SecurityGroups"]] == [group]


@probe("ElastiCache")
def replication_group_is_encrypted_step_by_step(world: ProbedAws) -> None:
    """ignores a change of encryption in transit and of AUTH

    in two steps, by way of `preferred`; AUTH after TLS only
    """
    name = group_of(world)
    with refused("InvalidParameterCombination"):
        modify(world, name, TransitEncryptionEnabled=True, TransitEncryptionMode="required")
    with refused("InvalidParameterCombination"):
        modify(world, name, AuthToken=_TOKEN, AuthTokenUpdateStrategy="ROTATE")
    for more in (
        {"TransitEncryptionEnabled": True, "TransitEncryptionMode": "preferred"},
        {"TransitEncryptionMode": "required"},
        {"AuthToken": _TOKEN, "AuthTokenUpdateStrategy": "ROTATE"},
        {"AuthToken": _TOKEN, "AuthTokenUpdateStrategy": "SET"},
    ):
        modify(world, name, **more)
        assert seen(world, name)["Status"] == "available"
    found = seen(world, name)
    assert (found["TransitEncryptionMode"], found["AuthTokenEnabled"]) == ("required", True)


@probe("ElastiCache")
def replication_group_changes_its_token(world: ProbedAws) -> None:
    """ignores the strategy of a new AUTH token

    ROTATE adds one, also the first; SET, only after it, ends the one before; DELETE is for user groups only
    """
    name = group_of(world, TransitEncryptionEnabled=True)
    new = _TOKEN[::-1]
    with refused("InvalidParameterCombination"):
        modify(world, name, AuthToken=_TOKEN, AuthTokenUpdateStrategy="SET")
    for strategy, token in (("ROTATE", _TOKEN), ("SET", _TOKEN), ("ROTATE", new)):
        modify(world, name, AuthToken=token, AuthTokenUpdateStrategy=strategy)
        assert seen(world, name)["Status"] == "available"
    with refused("InvalidParameterCombination"):
        modify(world, name, AuthTokenUpdateStrategy="DELETE")
    modify(world, name, AuthToken=new, AuthTokenUpdateStrategy="SET")
    assert seen(world, name)["Status"] == "available"
    with refused("InvalidParameterCombination"):
        modify(world, name, AuthToken=new, AuthTokenUpdateStrategy="SET")


@probe("ElastiCache", fails="NotImplementedError")
def snapshots_come_from_a_member(world: ProbedAws) -> None:
    """takes any name for the member that snapshots are taken of

    one that there is; a failover changes the primary, and members that leave take their names with them
    """
    name = group_of(world, NumCacheClusters=2, AutomaticFailoverEnabled=True)
    world.elasticache.test_failover(ReplicationGroupId=name, NodeGroupId="0001")
    roles = {
        one["CacheClusterId"]: one["CurrentRole"] for one in seen(world, name)["NodeGroups"][0]["NodeGroupMembers"]
    }
    assert roles == {f"{name}-001": "replica", f"{name}-002": "primary"}
    modify(world, name, AutomaticFailoverEnabled=False)
    seen(world, name)
    world.elasticache.decrease_replica_count(ReplicationGroupId=name, NewReplicaCount=0, ApplyImmediately=True)
    assert seen(world, name)["MemberClusters"] == [f"{name}-002"]
    with refused("CacheClusterNotFound"):
        modify(world, name, SnapshotRetentionLimit=1, SnapshottingClusterId=f"{name}-001")
    with refused("InvalidParameterCombination"):
        modify(world, name, SnapshotRetentionLimit=1)
    modify(world, name, SnapshotRetentionLimit=1, SnapshottingClusterId=f"{name}-002")
    assert seen(world, name)["SnapshotRetentionLimit"] == 1


@probe("ElastiCache")
def windows_of_a_replication_group(world: ProbedAws) -> None:
    """does not tell when snapshots are taken and when a group is maintained, and takes any two windows

    both, chosen where they were not asked for; an hour or longer, and never at the same time
    """
    name = group_of(world)
    assert seen(world, name).get("SnapshotWindow") == "05:00-06:00"
    assert members_of(world, name)[0]["PreferredMaintenanceWindow"] == "sun:07:00-sun:08:00"
    modify(world, name, SnapshotWindow="23:30-00:30", PreferredMaintenanceWindow="mon:03:00-mon:04:00")
    assert seen(world, name)["Status"] == "available"
    assert seen(world, name)["SnapshotWindow"] == "23:30-00:30"
    assert members_of(world, name)[0]["PreferredMaintenanceWindow"] == "mon:03:00-mon:04:00"
    for wrong in ("05:00-05:59", "03:30-04:30", "02:00-03:01"):
        with refused("InvalidParameterValue"):
            modify(world, name, SnapshotWindow=wrong)
    with refused("InvalidParameterValue"):
        modify(world, name, PreferredMaintenanceWindow="mon:23:00-tue:01:00")
    with refused("InvalidParameterValue"):
        group_of(world, SnapshotWindow="05:00-06:00", PreferredMaintenanceWindow="sun:05:30-sun:06:30")
    other = group_of(world, SnapshotWindow="07:00-09:00")
    assert members_of(world, other)[0]["PreferredMaintenanceWindow"] == "sun:03:00-sun:04:00"


@probe("ElastiCache")
def data_tiering_goes_with_its_nodes(world: ProbedAws) -> None:
    """makes r6gd nodes without data tiering, and of other nodes

    refuses both
    """
    with refused("InvalidParameterCombination"):
        group_of(world, CacheNodeType="cache.r6gd.xlarge")
    with refused("InvalidParameterValue"):
        modify(world, group_of(world), CacheNodeType="cache.r6gd.xlarge")


@probe("ElastiCache")
def minor_versions_are_raised_unless_refused(world: ProbedAws) -> None:
    """does not tell whether AWS may raise the minor version

    it may, unless the caller says that it may not
    """
    name = group_of(world)
    assert seen(world, name).get("AutoMinorVersionUpgrade") is True
    modify(world, name, AutoMinorVersionUpgrade=False)
    assert seen(world, name).get("AutoMinorVersionUpgrade") is False


@probe("ElastiCache", fails="NotImplementedError")
def replication_group_gets_replicas(world: ProbedAws) -> None:
    """cannot change the number of replicas

    members are added and taken away; failover needs one
    """
    name = group_of(world, NumCacheClusters=2, AutomaticFailoverEnabled=True)
    world.elasticache.increase_replica_count(ReplicationGroupId=name, NewReplicaCount=2, ApplyImmediately=True)
    assert len(seen(world, name)["MemberClusters"]) == 3
    world.elasticache.decrease_replica_count(ReplicationGroupId=name, NewReplicaCount=1, ApplyImmediately=True)
    assert len(seen(world, name)["MemberClusters"]) == 2
    with refused("InvalidReplicationGroupState"):
        world.elasticache.decrease_replica_count(ReplicationGroupId=name, NewReplicaCount=0, ApplyImmediately=True)


@probe("ElastiCache", fails="NotImplementedError")
def replication_group_has_events(world: ProbedAws) -> None:
    """has no events

    says what happened to a replication group
    """
    name = group_of(world)
    world.elasticache.describe_replication_groups(ReplicationGroupId=name)
    found = world.elasticache.describe_events(SourceIdentifier=name, SourceType="replication-group")["Events"]
    assert [one["Message"] for one in found] == ["Replication group created"]
