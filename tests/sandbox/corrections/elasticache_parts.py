"""ElastiCache: subnet groups, parameter groups and versions of engines."""

from __future__ import annotations

from tests.sandbox.corrections.elasticache import group_of, members_of, modify, seen, subnets_of
from tests.sandbox.corrections.harness import ProbedAws, probe, refused


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
    name = subnets_of(world)
    used = group_of(world, CacheSubnetGroupName=name)
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
    group = group_of(world)
    default = members_of(world, group)[0]["CacheParameterGroup"]["CacheParameterGroupName"]
    assert default == "default.valkey8"
    modify(world, group, CacheParameterGroupName=name)
    assert members_of(world, group)[0]["CacheParameterGroup"]["CacheParameterGroupName"] == name
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
        group_of(world, CacheParameterGroupName=names["valkey7"])
    group = group_of(world, EngineVersion="7.2", CacheParameterGroupName=names["valkey7"])
    with refused("InvalidParameterCombination", "Expected a parameter group of family valkey8"):
        modify(world, group, EngineVersion="8.0")
    modify(world, group, EngineVersion="8.0", CacheParameterGroupName=names["valkey8"])
    assert seen(world, group)["Status"] == "available"
    assert members_of(world, group)[0]["CacheParameterGroup"]["CacheParameterGroupName"] == names["valkey8"]


@probe("ElastiCache", fails="NotImplementedError")
def engine_versions(world: ProbedAws) -> None:
    """cannot tell which engine versions there are

    each with its family of parameters
    """
    found = world.elasticache.describe_cache_engine_versions(Engine="valkey", EngineVersion="8.0")
    assert [one["CacheParameterGroupFamily"] for one in found["CacheEngineVersions"]] == ["valkey8"]
