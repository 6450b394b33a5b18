"""What an environment file may say: one model per section, frozen, unknown keys refused."""

from __future__ import annotations

import hashlib
import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints

_DOMAIN = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"
Domain = Annotated[str, StringConstraints(max_length=253, pattern=_DOMAIN)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,18}[a-z0-9]$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0, le=100)]
Arn = Annotated[str, StringConstraints(pattern=r"^arn:[\w-]+:\w+:")]
InstanceType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$")]


class Section(BaseModel):
    """Base of every section."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class S3State(Section):
    """State in S3; without ``bucket`` it is ``livekit-deploy-<account>-<region>``, made on first use."""

    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = None
    lease_seconds: int = Field(default=90, ge=10, le=900, description="seconds after which a dead holder's lease ends")


class FileState(Section):
    """State in a file: for one machine."""

    path: str
    lease_seconds: int = Field(default=90, ge=10, le=900)


class Network(Section):
    """The VPC."""

    cidr: IPv4Network = Field(default=IPv4Network("10.20.0.0/16"), description="address range of the VPC, /16 to /22")
    availability_zones: Annotated[int, Field(ge=1, le=6)] | tuple[str, ...] = 2
    nat: Literal["none", "single", "per_az"] = "none"
    flow_logs: bool = False


class AddonSettings(Section):
    """One EKS add-on: a version (default: AWS's default) and its configuration values."""

    version: str | None = None
    configuration: dict[str, Any] = {}


class Cluster(Section):
    """The EKS control plane."""

    version: Annotated[str, StringConstraints(pattern=r"^1\.\d{2}$")] = "1.36"
    public_cidrs: tuple[IPv4Network, ...]
    admins: tuple[Arn, ...] = ()
    logs: tuple[Literal["api", "audit", "authenticator", "controllerManager", "scheduler"], ...] = (
        "api",
        "audit",
        "authenticator",
    )
    log_retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731] = 30
    secrets_key: bool = True
    deletion_protection: bool = False
    addons: dict[str, AddonSettings] = {}


class NodeGroup(Section):
    """One managed node group."""

    instance_types: Annotated[tuple[InstanceType, ...], Field(min_length=1)]
    min: Count = 1
    desired: Count = 1
    max: Count = 2
    capacity: Literal["on_demand", "spot"] = "on_demand"
    ami: Literal["AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD", "BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64"] = (
        "AL2023_x86_64_STANDARD"
    )
    disk_gib: Annotated[int, Field(ge=20, le=2000)] = 50


class Nodes(Section):
    """Media nodes carry LiveKit, one pod each; system nodes, where there are any, carry the rest."""

    media: NodeGroup
    system: NodeGroup | None = None


class Redis(Section):
    """ElastiCache, cluster mode off."""

    engine: Literal["valkey", "redis"] = "valkey"
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+$")] = "8.0"
    node_type: Annotated[str, StringConstraints(pattern=r"^cache\.[a-z][a-z0-9]*\.[a-z0-9]+$")] = "cache.t4g.small"
    replicas: Annotated[int, Field(ge=0, le=5)] = 0
    multi_az: bool = False
    tls: bool = True
    auth: bool = True
    snapshot_retention_days: Annotated[int, Field(ge=0, le=35)] = 0


class LoadBalancerController(Section):
    """The AWS Load Balancer Controller's chart."""

    repo: str = "https://aws.github.io/eks-charts"
    chart_version: str = "3.5.0"
    digest: str | None = None
    replicas: Annotated[int, Field(ge=1, le=5)] = 2


class OfficialChart(Section):
    """LiveKit's own chart instead of ours."""

    repo: str = "https://helm.livekit.io"
    version: str = "1.9.0"
    digest: str | None = None


class Rtc(Section):
    """Media ports, open to the world on the media nodes."""

    udp_ports: tuple[Port, Port] = (50000, 60000)
    tcp_port: Port = 7881


class Turn(Section):
    """The embedded TURN server."""

    domain: Domain | None = None
    udp_port: Port = 3478
    tls: bool = True


class Autoscaling(Section):
    """A HorizontalPodAutoscaler for LiveKit."""

    min: Count = 1
    max: Count = 2
    cpu: Annotated[int, Field(ge=10, le=95)] = 60


class LiveKit(Section):
    """LiveKit itself."""

    domain: Domain
    certificate: Literal["auto"] | Arn = "auto"
    hosted_zone: Domain | None = None
    image_tag: str = "v1.13.7"
    chart: Literal["bundled"] | OfficialChart = "bundled"
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    autoscaling: Autoscaling | None = None
    rtc: Rtc = Rtc()
    turn: Turn | None = None
    webhook_urls: tuple[str, ...] = ()
    settings: dict[str, Any] = {}


class Iam(Section):
    """For accounts that fence their roles."""

    permissions_boundary: Arn | None = None
    path: Annotated[str, StringConstraints(pattern=r"^/([\w+=,.@-]+/)*$")] = "/"


class Environment(Section):
    """One environment: everything that `up` builds."""

    preset: Literal["dev", "uat", "prod"] = "dev"
    name: Name
    project: Name = "livekit"
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d$")]
    account_id: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] | None = None
    tags: dict[str, str] = {}
    protect: bool = False
    state: S3State | FileState = S3State()
    network: Network = Network()
    cluster: Cluster
    nodes: Nodes
    redis: Redis = Redis()
    load_balancer_controller: LoadBalancerController = LoadBalancerController()
    livekit: LiveKit
    iam: Iam = Iam()

    _source: Path | None = PrivateAttr(None)
    _warnings: tuple[str, ...] = PrivateAttr(())

    @property
    def resource_prefix(self) -> str:
        """First part of every physical name."""
        return f"{self.project}-{self.name}"

    @property
    def cluster_name(self) -> str:
        """The EKS cluster's name."""
        return f"{self.resource_prefix}-main"

    @property
    def source(self) -> Path | None:
        """The file that this was read from."""
        return self._source

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but should be known."""
        return self._warnings

    def digest(self) -> str:
        """sha256 of the effective configuration, in hex: a saved plan is stale when it differs."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
