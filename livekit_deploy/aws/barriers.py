"""What others make inside our network and leave behind, waited for and swept on the way down.

A barrier is a resource without an object. In teardown order the release that asked for load balancers goes first, then
`LoadBalancersGone`, then the controller, the nodes and the cluster, then `NetworkInterfacesGone`, then the subnets.
While their makers may still be at work the barriers only look; after that they delete one thing a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.aws.eks import cluster_name
from livekit_deploy.aws.load_balancers import CLUSTER_TAG, controlled, tags_of
from livekit_deploy.aws.security_groups import CONTROLLER_RULE, SecurityGroupRule
from livekit_deploy.aws.tags import mapping
from livekit_deploy.engine.inputs import Input
from livekit_deploy.engine.resource import MINUTE, Found, Live, Observed, Status

_CNI_TAG = "cluster.k8s.amazonaws.com/name"  # Amazon VPC CNI plugin, interfaces that it made


class Barrier(Observed):
    """Nothing on the way up; on the way down it is there as long as `left` finds anything."""

    delete_timeout = 20 * MINUTE
    usual_delete = 90.0

    def left(self, cloud: Cloud) -> Iterator[tuple[str, str]]:
        """(kind of thing, id) of what is still there, in the order in which it can be deleted."""
        raise TypeError(f"{self.kind} does not say what it waits for")

    def sweep(self, cloud: Cloud, what: str, id: str) -> None:
        """Delete one of them: one call."""
        raise TypeError(f"{self.kind} does not say how to sweep")

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        return Live(self.instance, Status.READY) if id is not None else None

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        left = list(self.left(cloud))
        if not left:
            return None
        shown = ", ".join(f"{what} {id}" for what, id in left[:3])
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        return Live(self.instance, Status.DELETING, detail=f"waiting for {shown}{more}")

    def delete(self, cloud: Cloud, live: Live) -> None:
        first = next(self.left(cloud), None)
        if first is not None:
            self.sweep(cloud, *first)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        yield from ()


class LoadBalancersGone(Barrier):
    """The load balancers, target groups and security groups that the load balancer controller made for the cluster.

    Source: AWS Load Balancer Controller, "Ingress specification" and "Security groups".
    """

    kind = "barrier.load_balancers_gone"

    def left(self, cloud: Cloud) -> Iterator[tuple[str, str]]:
        cluster = cluster_name(cloud)
        for balancer, _ in controlled(cloud, cluster):
            yield "load balancer", balancer["LoadBalancerArn"]
        for arn in _target_groups(cloud, cluster):
            yield "target group", arn
        groups = cloud.ec2.pages(
            "describe_security_groups",
            "SecurityGroups",
            Filters=[{"Name": f"tag:{CLUSTER_TAG}", "Values": [cluster]}],
        )
        for rule in _rules_of(cloud, {group["GroupId"] for group in groups}):
            yield "rule", f"{rule['GroupId']}/{rule['SecurityGroupRuleId']}"
        for group in groups:
            yield "security group", group["GroupId"]

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


def _target_groups(cloud: Cloud, cluster: str) -> list[str]:
    arns = sorted(item["TargetGroupArn"] for item in cloud.elbv2.pages("describe_target_groups", "TargetGroups"))
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

    Source: EBS CSI driver, "Tagging"; Kubernetes cloud provider, the tag ``kubernetes.io/cluster/<name>: owned``.
    """

    kind = "barrier.volumes_gone"

    def left(self, cloud: Cloud) -> Iterator[tuple[str, str]]:
        owned = [{"Name": f"tag:kubernetes.io/cluster/{cluster_name(cloud)}", "Values": ["owned"]}]
        for item in cloud.ec2.pages("describe_volumes", "Volumes", Filters=owned):
            if not item.get("Attachments"):  # those of nodes go with their nodes
                yield "volume", item["VolumeId"]

    def sweep(self, cloud: Cloud, what: str, id: str) -> None:
        cloud.ec2.delete_volume(VolumeId=id)


class NetworkInterfacesGone(Barrier):
    """Interfaces and groups that EKS and the VPC CNI left in the VPC after the nodes and the cluster were gone.

    The CNI's stay ``available`` when a node dies between detaching and deleting one; the cluster's own group stays when
    such an interface held it. Source: EKS user guide, "View Amazon EKS networking requirements".
    """

    kind = "barrier.network_interfaces_gone"

    vpc_id: Input[str] = Input()

    def left(self, cloud: Cloud) -> Iterator[tuple[str, str]]:
        vpc = [{"Name": "vpc-id", "Values": [self.vpc_id]}]
        cluster = cluster_name(cloud)
        interfaces = cloud.ec2.pages("describe_network_interfaces", "NetworkInterfaces", Filters=vpc)
        for item in interfaces:
            if _made_for(item, cluster):
                yield f"network interface ({item['Status']})", item["NetworkInterfaceId"]
        for group in cloud.ec2.pages("describe_security_groups", "SecurityGroups", Filters=vpc):
            if group["GroupName"].startswith(f"eks-cluster-sg-{cluster}-"):
                yield "security group", group["GroupId"]

    def sweep(self, cloud: Cloud, what: str, id: str) -> None:
        if what == "security group":
            cloud.ec2.delete_security_group(GroupId=id)
        else:
            cloud.ec2.delete_network_interface(NetworkInterfaceId=id)


def _made_for(item: Mapping[str, Any], cluster: str) -> bool:
    if (owner := mapping(item.get("TagSet", [])).get(_CNI_TAG)) is not None:
        return owner == cluster
    said = str(item.get("Description", ""))
    return said == f"Amazon EKS {cluster}" or said.startswith(("aws-K8S-", "ELB app/k8s-", "ELB net/k8s-"))
