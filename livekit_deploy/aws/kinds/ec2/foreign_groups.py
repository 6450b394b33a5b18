"""Finds security groups that others put on a node, a load balancer or the control plane. They are reported and stay.

Not foreign are those of ours, EKS's own of the cluster, and on a load balancer what its controller made. Whoever puts
a group there may have to, as AWS Firewall Manager does: to take it off is for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.holders import maker
from livekit_deploy.aws.kinds.ec2.load_balancers import CLUSTER_TAG
from livekit_deploy.aws.kinds.ec2.resource import tags_of
from livekit_deploy.engine.live import Live
from livekit_deploy.errors import Absent

_RUNS = ("pending", "running", "stopping", "stopped")
_SHOWN = 3
#: what is wrong, and what to do; "" for nothing
Told = tuple[str, str]


def interfaces(instance: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each interface of an instance with the groups that it carries, the one that has the node's address first."""
    found = sorted(instance.get("NetworkInterfaces", []), key=lambda one: one["Attachment"]["DeviceIndex"])
    for one in found:
        yield one["NetworkInterfaceId"], sorted(group["GroupId"] for group in one["Groups"])


def on_nodes(cloud: Cloud, cluster: Live, group: str) -> Told:
    """Of a node group's instances, whichever interface has them."""
    where = {"tag:eks:cluster-name": [cluster.id], "instance-state-name": _RUNS}
    filters = [{"Name": name, "Values": list(values)} for name, values in where.items()]
    said = cloud.ec2.pages("describe_instances", "Reservations", Filters=filters)
    nodes = [one for reservation in said for one in reservation["Instances"]]
    carried = {
        f"{interface} of {node['InstanceId']}": groups
        for node in nodes
        if tags_of(node).get("eks:nodegroup-name") == group
        for interface, groups in interfaces(node)
    }
    return _told(cloud, carried, {cluster.outputs.get("security_group_id", "")}, "the interface in EC2")


def on_balancer(cloud: Cloud, cluster: str, item: Mapping[str, Any]) -> Told:
    """Of a load balancer that the controller of a cluster made."""
    return _told(
        cloud, {item["LoadBalancerName"]: item.get("SecurityGroups") or []}, (), "the balancer in EC2", cluster
    )


def on_control_plane(cloud: Cloud, cluster: Mapping[str, Any]) -> Told:
    """Of the interfaces by which a cluster's API is reached from its network, beside the group that EKS gives them."""
    groups = cluster.get("resourcesVpcConfig", {}).get("securityGroupIds") or []
    return _told(cloud, {f"the control plane of {cluster['name']}": groups}, (), "the cluster in EKS")


def _told(cloud: Cloud, carried: Mapping[str, Collection[str]], given: Collection[str], off: str, by: str = "") -> Told:
    ids = sorted({id for groups in carried.values() for id in groups} - cloud.recorded - set(given))
    found = []
    for item in _foreign(cloud, ids, by):
        id = item["GroupId"]
        at = [name for name, groups in sorted(carried.items()) if id in groups]
        more = f" and {len(at) - _SHOWN} more" if len(at) > _SHOWN else ""
        found.append(f"{', '.join(at[:_SHOWN])}{more}: {id} ({item['GroupName']}, made by {maker(cloud, item)})")
    if not found:
        return "", ""
    said = f"somebody else put a security group on {'; on '.join(found)}"
    return said, f"if it is not wanted, remove it from {off}: up does not remove groups that are not ours"


def _foreign(cloud: Cloud, ids: Collection[str], cluster: str) -> Iterator[Mapping[str, Any]]:
    if not ids:  # asked for none, AWS tells of all
        return
    try:
        said = cloud.ec2.pages("describe_security_groups", "SecurityGroups", GroupIds=list(ids))
    except Absent:  # deleted since, which nothing can be that is carried
        return
    for item in said:
        tags = tags_of(item)
        if not cloud.ownership.ours(tags) and not (cluster and tags.get(CLUSTER_TAG) == cluster):
            yield item
