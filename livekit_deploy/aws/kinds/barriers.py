"""Barriers wait for, and finally delete, what other programs made in our network and left behind.

A barrier is a resource without an object. In teardown order the release that asked for load balancers goes first, then
`LoadBalancersGone`, then the controller, the nodes and the cluster, then `NetworkInterfacesGone`, then the subnets.
While their makers may still be at work the barriers only look; after that they delete one thing a step. What no maker
takes away is deleted at once, and what only its maker can delete is waited for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import mapping
from livekit_deploy.aws.kinds.ec2 import holders, services
from livekit_deploy.aws.kinds.ec2.load_balancers import CLUSTER_TAG, controlled, tags_of
from livekit_deploy.aws.kinds.ec2.resource import networks
from livekit_deploy.aws.kinds.ec2.security_groups import CONTROLLER_RULE, SecurityGroupRule
from livekit_deploy.aws.kinds.eks.cluster import cluster_name
from livekit_deploy.aws.kinds.states import ENDPOINT, GOING
from livekit_deploy.engine.inputs import Input
from livekit_deploy.engine.resource import MINUTE, Found, Live, Observed, Status

_EKS_TAG = "aws:eks:cluster-name"  # on the cluster's own group; nobody but AWS sets a tag that begins so
_CNI_TAG = "cluster.k8s.amazonaws.com/name"  # Amazon VPC CNI plugin, interfaces that it made


class Sweep(Enum):
    """When a barrier deletes a thing."""

    AT_ONCE = "at once"  # nobody else will
    LATER = "later"  # its maker does, unless it is dead
    NEVER = "never"  # only its maker can


@dataclass(frozen=True)
class Left:
    """One thing that is still there; ``shown`` says more of it than its id."""

    what: str
    id: str
    sweep: Sweep = Sweep.LATER
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.id}{f' ({self.shown})' if self.shown else ''}"


class Barrier(Observed):
    """Nothing on the way up; on the way down it is there as long as `left` finds anything."""

    delete_timeout = 20 * MINUTE
    usual_delete = 90.0

    def left(self, cloud: Cloud) -> Iterator[Left]:
        """What is still there, in the order in which it can be deleted."""
        raise TypeError(f"{self.kind} does not say what it waits for")

    def sweep(self, cloud: Cloud, what: str, id: str) -> None:
        """Delete one of them: one call."""
        raise TypeError(f"{self.kind} does not say how to sweep")

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        return Live(self.instance, Status.READY) if id is not None else None

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """Ready to be deleted, a thing at a time, while there is anything that nobody else will take away."""
        left = list(self.left(cloud))
        if not left:
            return None
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        detail = f"waiting for {', '.join(map(str, left[:3]))}{more}"
        ours = any(one.sweep is Sweep.AT_ONCE for one in left)
        return Live(self.instance, Status.READY if ours else Status.DELETING, detail=detail)

    def delete(self, cloud: Cloud, live: Live) -> None:
        when = Sweep.AT_ONCE if live.status is Status.READY else Sweep.LATER
        first = next((one for one in self.left(cloud) if one.sweep is when), None)
        if first is not None:
            self.sweep(cloud, first.what, first.id)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        yield from ()


class LoadBalancersGone(Barrier):
    """What the load balancer controller made for the cluster in our network: load balancers, target groups, groups.

    Source: AWS Load Balancer Controller, "Ingress specification" and "Security groups".
    """

    kind = "barrier.load_balancers_gone"

    def left(self, cloud: Cloud) -> Iterator[Left]:
        cluster, ours = cluster_name(cloud), networks(cloud)
        if not ours:
            return
        for balancer, _ in controlled(cloud, cluster):
            yield Left("load balancer", balancer["LoadBalancerArn"])
        for arn in _target_groups(cloud, cluster, ours):
            yield Left("target group", arn)
        tagged = {"Name": f"tag:{CLUSTER_TAG}", "Values": [cluster]}
        groups = cloud.ec2.pages(
            "describe_security_groups",
            "SecurityGroups",
            Filters=[tagged, {"Name": "vpc-id", "Values": sorted(ours)}],
        )
        for rule in _rules_of(cloud, {group["GroupId"] for group in groups}):
            yield Left("rule", f"{rule['GroupId']}/{rule['SecurityGroupRuleId']}")
        for group in groups:
            yield Left("security group", group["GroupId"])

    def sweep(self, cloud: Cloud, what: str, id: str) -> None:
        if what == "load balancer":
            self._sweep_balancer(cloud, id)
        elif what == "target group":
            cloud.elbv2.delete_target_group(TargetGroupArn=id)
        elif what == "rule":
            group, _, rule = id.partition("/")
            cloud.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
        else:
            cloud.ec2.delete_security_group(GroupId=id)

    def _sweep_balancer(self, cloud: Cloud, arn: str) -> None:
        """Lift the deletion protection that an Ingress may have asked for, then delete."""
        said = cloud.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        protected = {"Key": "deletion_protection.enabled", "Value": "true"} in said
        if protected:
            off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
            cloud.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=off)
        else:
            cloud.elbv2.delete_load_balancer(LoadBalancerArn=arn)


def _target_groups(cloud: Cloud, cluster: str, networks: set[str]) -> list[str]:
    every = cloud.elbv2.pages("describe_target_groups", "TargetGroups")
    arns = sorted(item["TargetGroupArn"] for item in every if item.get("VpcId") in networks)
    return [arn for arn, tags in tags_of(cloud, arns).items() if tags.get(CLUSTER_TAG) == cluster]


def _rules_of(cloud: Cloud, groups: set[str]) -> list[Mapping[str, Any]]:
    """The rules in other groups that the controller made for these: they keep the groups from being deleted."""
    if not groups:
        return []
    rules = SecurityGroupRule.listed(cloud)
    return [
        rule
        for rule in rules
        if rule.get("Description", "").startswith(CONTROLLER_RULE)
        and rule.get("ReferencedGroupInfo", {}).get("GroupId") in groups
    ]


class VolumesGone(Barrier):
    """The volumes that the EBS CSI driver made for claims in the cluster: with the driver gone, nobody deletes them.

    Those are ours that carry our tags, which the add-on is told to give them. One that only names the cluster may hold
    somebody's data: it stays, and is listed.
    Source: EBS CSI driver, "Tagging"; Kubernetes cloud provider, the tag ``kubernetes.io/cluster/<name>: owned``.
    """

    kind = "barrier.volumes_gone"

    def left(self, cloud: Cloud) -> Iterator[Left]:
        yield from (volume for volume, ours in self.named(cloud) if ours)

    @staticmethod
    def named(cloud: Cloud) -> Iterator[tuple[Left, bool]]:
        """Every volume that names the cluster as its owner, and whether it is ours."""
        owned = [{"Name": f"tag:kubernetes.io/cluster/{cluster_name(cloud)}", "Values": ["owned"]}]
        for item in cloud.ec2.pages("describe_volumes", "Volumes", Filters=owned):
            if not item.get("Attachments"):  # those of nodes go with their nodes
                yield Left("volume", item["VolumeId"]), cloud.ownership.ours(mapping(item.get("Tags", [])))

    def sweep(self, cloud: Cloud, what: str, id: str) -> None:
        cloud.ec2.delete_volume(VolumeId=id)


class NetworkInterfacesGone(Barrier):
    """What others put into our VPC and left there after the nodes and the cluster were gone.

    Interfaces that the VPC CNI made stay ``available`` when a node dies between detaching and deleting one; the
    cluster's own group stays when such an interface held it. An interface in use is its maker's to take away. Services
    of AWS put in more than that, unasked, and never take it away (`services.UNASKED`).
    Source: EKS user guide, "View Amazon EKS networking requirements".
    """

    kind = "barrier.network_interfaces_gone"

    vpc_id: Input[str] = Input()

    def left(self, cloud: Cloud) -> Iterator[Left]:
        if self.vpc_id not in networks(cloud):
            return
        vpc = [{"Name": "vpc-id", "Values": [self.vpc_id]}]
        cluster = cluster_name(cloud)
        endpoints = cloud.ec2.pages("describe_vpc_endpoints", "VpcEndpoints", Filters=vpc)
        theirs = [(one, service) for one in endpoints if (service := services.of_endpoint(one))]
        for item, service in theirs:
            sweep = Sweep.NEVER if ENDPOINT.of(item["State"]).meaning is GOING else Sweep.AT_ONCE
            yield Left("VPC endpoint", item["VpcEndpointId"], sweep, f"{item['State']}, made by {service}")
        for item in cloud.ec2.pages("describe_network_interfaces", "NetworkInterfaces", Filters=vpc):
            if (when := _sweep(item, cluster)) is not None:
                yield Left("network interface", item["NetworkInterfaceId"], when, holders.signs(item))
        for group in cloud.ec2.pages("describe_security_groups", "SecurityGroups", Filters=vpc):
            if mapping(group.get("Tags", [])).get(_EKS_TAG) == cluster:
                yield Left("security group", group["GroupId"])
            elif service := services.of_group(group):
                sweep = Sweep.NEVER if theirs else Sweep.AT_ONCE
                yield Left("security group", group["GroupId"], sweep, f"made by {service}")

    def sweep(self, cloud: Cloud, what: str, id: str) -> None:
        if what == "VPC endpoint":
            cloud.ec2.delete_vpc_endpoints(VpcEndpointIds=[id])
        elif what == "security group":
            cloud.ec2.delete_security_group(GroupId=id)
        else:
            cloud.ec2.delete_network_interface(NetworkInterfaceId=id)


def _sweep(item: Mapping[str, Any], cluster: str) -> Sweep | None:
    """When an interface is deleted; None for one that nothing of the cluster made."""
    owner = mapping(item.get("TagSet", [])).get(_CNI_TAG)
    if owner is not None:
        if owner != cluster:
            return None
        return Sweep.LATER if item["Status"] == "available" else Sweep.NEVER
    said = str(item.get("Description", ""))
    theirs = said == f"Amazon EKS {cluster}" or said.startswith(("aws-K8S-", "ELB app/k8s-", "ELB net/k8s-"))
    return Sweep.NEVER if theirs else None
