"""AWS as one cluster sees it: its nodes, who is calling, and what the load balancer controller may make."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import moto.iam.models
from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from livekit_deploy.sandbox.aws.eks.corrections.node_groups import NodeGroups
from livekit_deploy.sandbox.aws.eks.store import lock, store_of
from livekit_deploy.sandbox.bridge.firewall import redis_servers
from livekit_deploy.sandbox.bridge.load_balancers import Balancers
from livekit_deploy.sandbox.bridge.tokens import access_key
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from livekit_deploy.sandbox.cluster.port import (
    Identity,
    LoadBalancerRequest,
    NodeSpec,
    RedisServer,
    Target,
    TargetGroup,
)
from livekit_deploy.sandbox.serving.seal import Seal

_ADMIN = "AmazonEKSClusterAdminPolicy"
_CONTROLLER = "aws-load-balancer-controller"
Where = tuple[str, str, str]


class Bridge:
    """The cloud as one cluster sees it (`CloudPort`)."""

    def __init__(self, where: Where, clock: SandboxClock, endpoint: str | None, seal: Seal) -> None:
        self._account, self._region, self.name = where
        self._clock, self._seal = clock, seal
        with lock:
            self._wire: dict[str, Any] = store_of(self._account, self._region).clusters[self.name].wire
        vpc = self._wire["resourcesVpcConfig"]
        self._node_group = vpc["clusterSecurityGroupId"]
        key = seal.access_key(self._account, "ASIA")
        self.balancers = Balancers((self._account, self._region, self.name), vpc["vpcId"], endpoint, key)
        self._carried: dict[str, set[str]] = {}
        self.cluster: Cluster | None = None
        self.last_used = time.monotonic()

    # ---- nodes

    def nodes(self) -> Sequence[NodeSpec]:
        with lock:
            entry = store_of(self._account, self._region).clusters.get(self.name)
            if entry is None:
                return ()
            groups = NodeGroups(eks_backends[self._account][self._region], self._clock)
            for group in list(entry.groups.values()):
                group.advance(self._clock)
            wires = [group.wire for group in entry.groups.values()]
            found = [(wire, one) for wire in wires for one in groups.instances(wire)]
            self._carried = {one.private_ip: {group.id for group in one.security_groups} for _, one in found}
            return [self._node(wire, one) for wire, one in found]

    def _node(self, wire: dict[str, Any], instance: Any) -> NodeSpec:
        zone = self._zone(instance.subnet_id)
        return NodeSpec(
            name=f"ip-{instance.private_ip.replace('.', '-')}.ec2.internal",
            instance_id=instance.id,
            zone=zone,
            internal_ip=instance.private_ip,
            external_ip=instance.public_ip or None,
            instance_type=instance.instance_type,
            labels={**wire["labels"], "eks.amazonaws.com/nodegroup": wire["nodegroupName"]},
            taints=[{**taint, "effect": _EFFECTS[taint["effect"]]} for taint in wire["taints"]],
        )

    def _zone(self, subnet_id: str) -> str:
        return str(ec2_backends[self._account][self._region].get_subnet(subnet_id).availability_zone)

    def redis_servers(self) -> Sequence[RedisServer]:
        return redis_servers((self._account, self._region), self._carried)

    # ---- who is calling

    def authenticate(self, token: str) -> Identity | None:
        self.last_used = time.monotonic()
        partition = str(self._wire["arn"]).split(":")[1]
        key = access_key(token, partition)
        if key is None or not self._seal.knows(key) or moto.iam.models.get_account_id_from(key) != self._account:
            return None
        _, arn, _ = sts_backends[self._account][partition].get_caller_identity(key, self._region)
        with lock:
            entry = store_of(self._account, self._region).clusters.get(self.name)
            access = (entry.access if entry else {}).get(_principal(arn))
            if access is None:
                return None
            admin = any(policy.endswith(f"/{_ADMIN}") for policy in access["policies"])
            return Identity(arn, ("system:masters",) if admin else tuple(access["kubernetesGroups"]))

    # ---- the load balancer controller

    def controller_problem(self) -> str | None:
        assert self.cluster is not None
        accounts = self.cluster.objects("serviceaccounts", namespace="kube-system")
        account = next((one for one in accounts if one["metadata"]["name"] == _CONTROLLER), {})
        arn = (account.get("metadata", {}).get("annotations") or {}).get("eks.amazonaws.com/role-arn", "")
        partition = str(self._wire["arn"]).split(":")[1]
        iam = iam_backends[self._account][partition]
        role = next((one for one in iam.roles.values() if one.arn == arn), None)
        if role is None:
            return f"the service account's role {arn or '(none)'} does not exist"
        issuer = self._wire["identity"]["oidc"]["issuer"].removeprefix("https://")
        if not any(issuer in provider for provider in iam.open_id_providers):
            return f"no identity provider for {issuer}"
        if issuer not in str(role.assume_role_policy_document):
            return f"the role {role.name} does not trust {issuer}"
        return None if role.managed_policies else f"the role {role.name} has no policy"

    def ensure_load_balancer(self, request: LoadBalancerRequest) -> str | None:
        return self.balancers.ensure(request, self._node_group)

    def target_groups(self, kind: str, namespace: str, name: str) -> Sequence[TargetGroup]:
        return self.balancers.target_groups((kind, namespace, name))

    def set_targets(self, target_group: str, targets: Collection[Target]) -> Mapping[Target, str]:
        return self.balancers.set_targets(target_group, targets)

    def delete_load_balancer(self, kind: str, namespace: str, name: str) -> None:
        self.balancers.delete((kind, namespace, name))

    def delete_groups(self, kind: str, namespace: str, name: str) -> str:
        return self.balancers.delete_groups((kind, namespace, name), self._node_group)


_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def _principal(arn: str) -> str:
    """The role behind a session of it, whose ARN has the role's path."""
    parts = arn.split(":")
    if parts[2] != "sts" or not parts[5].startswith("assumed-role/"):
        return arn
    name = parts[5].split("/")[1]
    roles = iam_backends[parts[4]][parts[1]].roles.values()
    return next((str(one.arn) for one in roles if one.name == name), f"arn:{parts[1]}:iam::{parts[4]}:role/{name}")
