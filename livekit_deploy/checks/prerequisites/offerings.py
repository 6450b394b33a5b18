"""Checks what AWS offers in the region: zones, instance types, the EKS version, Redis and its node type."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from livekit_deploy.aws.kinds.states import GONE, SUPPORT
from livekit_deploy.checks.finding import Trouble
from livekit_deploy.checks.prerequisites.context import PrerequisitesContext
from livekit_deploy.config.redis_checks import engine_support
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import ResourceError


def zones(survey: PrerequisitesContext) -> str:
    """The zones are there for this account, EKS takes them, and AWS reports nothing of them."""
    named = [survey.zones[place.zone] for place in survey.layout.places if place.zone in survey.zones]
    if wrong := [zone for zone in named if zone.impaired]:
        raise Trouble(
            f"{', '.join(zone.name for zone in wrong)}: {wrong[0].impaired}",
            cause="AWS reports a problem with the zone",
            remedy="wait until AWS reports it as available; before the cluster exists, you can also choose other "
            "zones in network.availability_zones, which is possible only before the cluster exists",
        )
    return ", ".join(zone.name for zone in named)


def instances(survey: PrerequisitesContext) -> str:
    """Each node group's instance types are offered in at least one of the zones, the first one in all."""
    nodes = survey.env.nodes
    types = sorted({kind for group in (nodes.media, nodes.system) if group for kind in group.instance_types})
    found = survey.cloud.ec2.pages(
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone-id",
        Filters=[{"Name": "instance-type", "Values": types}],
    )
    offered = {(one["InstanceType"], one["Location"]) for one in found}
    used = [survey.zones[place.zone] for place in survey.layout.places if place.zone in survey.zones]
    lacks = [(kind, zone) for kind in types for zone in used if (kind, zone.id) not in offered]
    if lacks:
        kind, zone = lacks[0]
        raise Trouble(
            f"{kind} is not offered in {zone.name} ({zone.id})",
            cause="newer and rarer instance types are not in every zone",
            remedy="choose another type in nodes, or choose other zones in network.availability_zones, which is "
            "possible only before the cluster exists",
        )
    return ", ".join(types)


def cluster_version(survey: PrerequisitesContext) -> str:
    """EKS offers the version."""
    found = survey.cloud.eks.pages("describe_cluster_versions", "clusterVersions")
    stated = {one["clusterVersion"]: str(one.get("versionStatus", "")) for one in found}
    versions = {name: support for name, support in stated.items() if SUPPORT.of(support).meaning is not GONE}
    wanted = survey.env.cluster.version
    if wanted not in versions:
        raise Trouble(
            f"EKS does not offer {wanted}",
            cause="it is no longer offered, or not yet in this region",
            remedy=f"choose one of {', '.join(sorted(versions))} in cluster.version",
        )
    support = versions[wanted].replace("_", " ").lower()
    return f"{wanted}, {support}" if support else wanted


def addons(survey: PrerequisitesContext) -> str:
    """EKS offers the add-ons that are to be made, in these versions, for the Kubernetes version."""
    wanted = [item for item in survey.to_make if item.kind == "eks.addon"]
    _none_foreseen(survey, wanted, "EKS offers other add-ons, or other versions, for each Kubernetes version")
    return f"{len(wanted)} to be made, all offered" if wanted else "none is needed"


def admins(survey: PrerequisitesContext) -> str:
    """IAM has the users and roles of `cluster.admins`, by these ARNs."""
    wanted = [item for item in survey.to_make if item.kind == "eks.access_entry"]
    _none_foreseen(survey, wanted, "EKS accepts only users and roles that exist, by their full ARN")
    own, named = survey.cloud.identity.account, survey.env.cluster.admins
    others = [one for one in named if one.split(":")[4] != own]
    unseen = f"; not checked, because they are in other accounts: {', '.join(others)}" if others else ""
    return (f"{len(named)} named, and whoever makes the cluster" if named else "whoever makes the cluster") + unseen


def _none_foreseen(survey: PrerequisitesContext, wanted: Iterable[Resource], cause: str) -> None:
    for item in wanted:
        said, remedy = item.foreseen(survey.cloud)
        if said:
            raise Trouble(said, cause=cause, remedy=remedy)


def redis(survey: PrerequisitesContext) -> str:
    """ElastiCache offers the engine's version, the node type and the parameters."""
    wanted = survey.env.redis
    found = survey.cloud.elasticache.pages(
        "describe_cache_engine_versions", "CacheEngineVersions", Engine=wanted.engine
    )
    versions = sorted({".".join(one["EngineVersion"].split(".")[:2]) for one in found})
    if wanted.version not in versions:
        raise Trouble(
            f"ElastiCache does not offer {wanted.engine} {wanted.version}",
            cause="the version does not exist, or is no longer offered to new groups",
            remedy=f"choose one of {', '.join(versions)} in redis.version",
        )
    if not _node_offered(survey, wanted.node_type):
        raise Trouble(
            f"ElastiCache does not offer {wanted.node_type} in {survey.env.region}",
            cause="the node type does not exist, or not in this region",
            remedy="choose another one in redis.node_type, such as cache.t4g.small",
        )
    parameters = [item for item in survey.to_make if item.kind == "elasticache.parameter_group"]
    _none_foreseen(survey, parameters, "each major version of an engine has parameters of its own")
    support = engine_support(wanted, date.today())
    return f"{wanted.engine} {wanted.version} on {wanted.node_type}" + (f": {support}" if support else "")


def _node_offered(survey: PrerequisitesContext, kind: str) -> bool:
    """No call lists node types; what can be reserved can be had."""
    asked = {"CacheNodeType": kind, "MaxRecords": 20}
    try:
        said = survey.cloud.elasticache.describe_reserved_cache_nodes_offerings(**asked)
    except ResourceError as error:
        if error.code in ("InvalidParameterValue", "InvalidParameterValueException"):
            return False
        raise
    return bool(said["ReservedCacheNodesOfferings"])
