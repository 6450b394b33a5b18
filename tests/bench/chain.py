"""The longest chain of an `up` and of a `down`: what AWS and helm take, along the graph, with nothing of ours in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from livekit_deploy.engine.graph import edges_up, inverse, longest_chain
from livekit_deploy.engine.resource import Resource
from livekit_deploy.sandbox.aws.acm import corrections as acm
from livekit_deploy.sandbox.aws.ec2.corrections import nat_gateways as ec2
from livekit_deploy.sandbox.aws.eks import store as eks
from livekit_deploy.sandbox.aws.elasticache.corrections import replication_groups as elasticache
from livekit_deploy.sandbox.aws.elbv2.corrections import load_balancers as elbv2

#: kind → seconds that the sandbox's AWS takes to make one
CREATION = {
    "eks.cluster": eks.CLUSTER_CREATION,
    "eks.node_group": eks.GROUP_CREATION,
    "eks.addon": eks.ADDON_CREATION,
    "ec2.nat_gateway": ec2.NAT_CREATION,
    "elasticache.replication_group": elasticache.CREATION,
    "elbv2.load_balancer": elbv2.PROVISIONING,
    "acm.issued": acm.ISSUANCE,
}
DELETION = {
    "eks.cluster": eks.CLUSTER_DELETION,
    "eks.node_group": eks.GROUP_DELETION,
    "ec2.nat_gateway": ec2.NAT_DELETION,
    "elasticache.replication_group": elasticache.DELETION,
}
HELM = "helm.release"


def up_chain(resources: Iterable[Resource], took: Mapping[str, float]) -> tuple[float, list[str]]:
    """Seconds and addresses of the longest chain; ``took`` gives the seconds that helm's releases took."""
    every = list(resources)
    return _longest(edges_up(every), {item.address: _weight(item.address, CREATION, took) for item in every})


def down_chain(records: Mapping[str, Mapping[str, Any]], took: Mapping[str, float]) -> tuple[float, list[str]]:
    """The same for a teardown of these records of a state document."""
    edges = inverse({address: (*one["deps"], *one["runtime_depends_on"]) for address, one in records.items()})
    return _longest(edges, {address: _weight(address, DELETION, took) for address in records})


def _weight(address: str, kinds: Mapping[str, float], took: Mapping[str, float]) -> float:
    kind = address.partition("/")[0]
    return took.get(address, 0.0) if kind == HELM else kinds.get(kind, 0.0)


def _longest(edges: Mapping[str, Iterable[str]], weights: Mapping[str, float]) -> tuple[float, list[str]]:
    path = [address for address in longest_chain(edges, weights) if weights[address]]
    return sum(weights[address] for address in path), path
