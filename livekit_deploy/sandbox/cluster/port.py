"""The interface between a cluster and the cloud: its nodes, token authentication, and load balancers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class NodeSpec:
    """An instance that has joined: one node of the cluster."""

    name: str
    """The private DNS name, as EKS names nodes."""
    instance_id: str
    zone: str
    internal_ip: str
    external_ip: str | None = None
    instance_type: str = "c6i.2xlarge"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()
    cpus: int = 8
    memory_gib: int = 16


@dataclass(frozen=True)
class RedisServer:
    """A Redis that is there, as the nodes of the cluster meet it."""

    host: str
    port: int = 6379
    tls: bool = False
    plain: bool = True
    """Whether it takes what is not encrypted: with TLS only while that is preferred, not required."""
    tokens: tuple[str, ...] = field(default=(), repr=False)
    """Those that it takes; none where it asks for none."""
    admits: frozenset[str] = frozenset()
    """The internal addresses of the nodes whose connections its security groups let in."""


@dataclass(frozen=True)
class Identity:
    """Whom the API server takes the caller for."""

    username: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """A port of a load balancer and the port of the Service behind it."""

    port: int
    protocol: str
    """HTTP, HTTPS, TCP, TLS or UDP."""
    target_port: int


@dataclass(frozen=True)
class TargetGroup:
    """A target group that the controller made for a port of a Service."""

    name: str
    arn: str
    service: str
    port: int
    """Of the Service."""


#: address and port of a pod
Target = tuple[str, int]


@dataclass(frozen=True)
class LoadBalancerRequest:
    """A load balancer that the controller is asked for, by an Ingress or by a Service."""

    kind: str
    """`application` for an Ingress, `network` for a Service."""
    namespace: str
    name: str
    scheme: str
    """`internet-facing` or `internal`."""
    service: str
    """The Service behind it."""
    listeners: tuple[Listener, ...]
    certificates: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    default_tags: Mapping[str, str] = field(default_factory=dict)
    """Those that the controller gives to all that it makes."""
    hosts: tuple[str, ...] = ()
    ssl_policy: str = ""
    """Of its secure listeners; "" for ELB's own default."""
    deregistration_delay: int | None = None
    """Of its target groups, in seconds; None for ELB's own default."""
    said: str = ""
    """Annotations and spec of what asks: when they change, all is looked at again."""


class CloudPort(Protocol):
    """Implemented by the sandbox's AWS; asked again and again, so every call is idempotent."""

    def nodes(self) -> Sequence[NodeSpec]:
        """The nodes that exist now: those of node groups whose instances have joined."""

    def redis_servers(self) -> Sequence[RedisServer]:
        """Every Redis of the account that its nodes can name."""

    def authenticate(self, token: str) -> Identity | None:
        """Whom a bearer token (EKS's `k8s-aws-v1.` form) belongs to by the access entries; None for nobody."""

    def controller_problem(self) -> str | None:
        """Why the load balancer controller may not call AWS (its role or identity provider); None when it may."""

    def ensure_load_balancer(self, request: LoadBalancerRequest) -> str | None:
        """Make or update a load balancer with its groups and targets; its DNS name, or None while it is not ready."""

    def target_groups(self, kind: str, namespace: str, name: str) -> Sequence[TargetGroup]:
        """What was made for the Services behind a load balancer."""

    def set_targets(self, target_group: str, targets: Collection[Target]) -> Mapping[Target, str]:
        """Register these and no others in a target group, by its ARN; the state of the health of each."""

    def delete_load_balancer(self, kind: str, namespace: str, name: str) -> None:
        """Delete a load balancer with its listeners; nothing happens when it is not there."""

    def delete_groups(self, kind: str, namespace: str, name: str) -> str:
        """Delete its target groups and security groups, the shared one with the last; "" when nothing is left.

        Otherwise what AWS says of the one that it keeps.
        """
