"""The models of the environment file: one for each section, frozen, unknown keys refused.

Each field's description is its entry in the configuration reference and in the JSON Schema; its first example is what
an error about it suggests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PrivateAttr, StringConstraints, Tag

from livekit_deploy.config import names
from livekit_deploy.config.charts import CONTROLLER, Chart
from livekit_deploy.config.livekit import LiveKit
from livekit_deploy.config.section import (
    MANY,
    ONE,
    OTHER_SECTION,
    SECTION,
    ChartVersion,
    Count,
    Form,
    OnlyWhole,
    Range,
    Section,
    Sha256,
    Switch,
    Url,
    Whole,
    kind_of,
)

LogType = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]
_LEASE = "seconds after which a dead holder's lease ends; at least 60 on AWS, less is for rehearsals"


class S3State(Section):
    """State in S3."""

    bucket: names.Bucket | None = Field(
        default=None,
        description="absent: `livekit-deploy-<account>-<region>`, made on first use: versioned, encrypted, private",
        examples=["acme-livekit-state"],
    )
    kms_key: names.KmsKey | None = Field(
        default=None,
        description="everything that is written there is encrypted with this key: for a bucket that demands it",
        examples=["arn:aws:kms:us-east-1:123456789012:key/0123abcd-45ef-6789-abcd-0123456789ab"],
    )
    lease_seconds: names.LeaseSeconds = Field(default=90, description=_LEASE)


class FileState(Section):
    """State in a file: for one machine."""

    path: names.File = Field(description="the file", examples=["state/local/dev.json"])
    lease_seconds: names.LeaseSeconds = Field(default=90, description=_LEASE)


def _store(value: Any) -> str:
    in_a_file = isinstance(value, FileState) or (isinstance(value, dict) and "path" in value)
    return OTHER_SECTION if in_a_file else SECTION


class Network(Section):
    """The VPC."""

    cidr: Range = Field(
        default=IPv4Network("10.20.0.0/16"),
        description="address range of the VPC, /16 to /22",
        examples=["10.20.0.0/16"],
    )
    availability_zones: Annotated[
        Annotated[Whole, Field(ge=1, le=6), Tag(ONE)] | Annotated[tuple[names.Zone, ...], Tag(MANY)],
        Discriminator(kind_of((list, MANY), (tuple, MANY), other=ONE)),
    ] = Field(
        default=2,
        description="how many, or which, by name or by id (`use1-az1`); two or more",
        examples=[3, ["us-east-1a", "us-east-1b"]],
    )
    nat: Literal["none", "single", "per_az"] = Field(
        default="none",
        description="`none`: all nodes are public and nothing private needs the Internet; `single`; `per_az`",
    )
    flow_logs: Switch = Field(default=False, description="log what was accepted and rejected, to CloudWatch")


class AddonSettings(Section):
    """One EKS add-on."""

    version: names.AddonVersion | None = Field(
        default=None, description="absent: AWS's default", examples=["v1.13.2-eksbuild.1"]
    )
    configuration: dict[str, Any] = Field(default={}, description="its configuration values, as EKS documents them")
    role: names.Role | None = Field(
        default=None,
        description="IAM role that its pods take on; it must trust the cluster's OIDC provider (`cluster.issuer`)",
        examples=["arn:aws:iam::123456789012:role/livekit-uat-ebs-csi"],
    )


class Cluster(Section):
    """The EKS control plane."""

    version: Annotated[
        str, StringConstraints(pattern=r"^1\.[0-9]{2}$"), Form("a version of Kubernetes: 1, a dot and two digits")
    ] = Field(default="1.36", description="Kubernetes version; raise it by one minor at a time", examples=["1.36"])
    public_cidrs: Annotated[tuple[Range, ...], Field(min_length=1, max_length=40)] = Field(
        description="who may reach the Kubernetes API from outside", examples=[["203.0.113.0/24"]]
    )
    admins: tuple[names.Principal, ...] = Field(
        default=(),
        description="IAM roles and users with full access; whoever makes the cluster is always one",
        examples=[["arn:aws:iam::123456789012:role/platform"]],
    )
    logs: tuple[LogType, ...] = Field(
        default=("api", "audit", "authenticator"), description="logs of the control plane that go to CloudWatch"
    )
    log_retention_days: Annotated[Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], OnlyWhole] = (
        Field(default=30, description="how long logs are kept, flow logs included")
    )
    secrets_key: Switch = Field(
        default=True, description="encrypt Kubernetes Secrets with a KMS key of this environment"
    )
    deletion_protection: Switch = Field(
        default=False, description="EKS refuses to delete the cluster for anybody else; `down` lifts it first"
    )
    addons: dict[str, AddonSettings] = Field(
        default={},
        description="EKS add-ons by name: further ones, or a version and configuration of those that are always there",
        examples=[{"coredns": {"version": "v1.13.2-eksbuild.1"}}],
    )


class NodeGroup(Section):
    """One managed node group."""

    instance_types: Annotated[tuple[names.InstanceType, ...], Field(min_length=1)] = Field(
        description="instance types in order of preference; the first one that is available is used",
        examples=[["c6i.2xlarge"]],
    )
    min: Count = Field(default=1, description="fewest nodes")
    desired: Count = Field(default=1, description="nodes to begin with; later changes by others stay")
    max: Count = Field(default=2, description="most nodes")
    capacity: Literal["on_demand", "spot"] = Field(default="on_demand", description="`on_demand` or `spot`")
    ami: Literal["AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD", "BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64"] = (
        Field(default="AL2023_x86_64_STANDARD", description="the image, of the architecture of the instance types")
    )
    disk_gib: Annotated[Whole, Field(ge=20, le=2000)] = Field(
        default=50, description="size of the encrypted disk in GiB"
    )


class Nodes(Section):
    """Media nodes carry LiveKit, one pod each; system nodes, where there are any, carry the rest."""

    media: NodeGroup = Field(description="public nodes for LiveKit")
    system: NodeGroup | None = Field(
        default=None, description="nodes for everything else, private where there is NAT; absent: media nodes carry it"
    )


class Redis(Section):
    """ElastiCache, cluster mode off."""

    engine: Literal["valkey", "redis"] = Field(default="valkey", description="`valkey` or `redis`")
    version: Annotated[
        str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+$"), Form("a version of the engine: two numbers, a dot between")
    ] = Field(default="8.0", description="the engine's version; it cannot be lowered again", examples=["8.0"])
    node_type: names.NodeType = Field(
        default="cache.t4g.small", description="size of each node", examples=["cache.m7g.large"]
    )
    replicas: Annotated[Whole, Field(ge=0, le=5)] = Field(default=0, description="copies beside the primary")
    multi_az: Switch = Field(default=False, description="fail over to a replica in another zone")
    tls: Switch = Field(default=True, description="encrypt in transit")
    auth: Switch = Field(
        default=True, description="ask for a token, which is generated into Secrets Manager; needs `tls`"
    )
    snapshot_retention_days: Annotated[Whole, Field(ge=0, le=35)] = Field(default=0, description="0: no snapshots")
    snapshot_window: names.DailyWindow | None = Field(
        default=None,
        description="when the daily snapshot may begin, in UTC, an hour or longer; absent: ElastiCache chooses",
        examples=["05:00-06:00"],
    )
    parameters: dict[names.ParameterName, names.ParameterValue] = Field(
        default={},
        description="settings of the engine that differ from ElastiCache's own, by the names of its parameters",
        examples=[{"client-output-buffer-limit-pubsub-soft-limit": "33554432"}],
    )


class LoadBalancerController(Section):
    """The AWS Load Balancer Controller's chart."""

    repo: Url = Field(default=CONTROLLER.repository, description="the chart repository")
    chart_version: ChartVersion = Field(default=CONTROLLER.version, description="the chart's version")
    digest: Sha256 | None = Field(
        default=None, description="sha256 that the chart must have; absent: the one known here, else its index's"
    )
    replicas: Annotated[Whole, Field(ge=1, le=5)] = Field(default=2, description="pods of the controller")

    @property
    def installed(self) -> Chart:
        """The chart that is installed."""
        return CONTROLLER.chosen(self.repo, self.chart_version, self.digest)


class Iam(Section):
    """For accounts that fence their roles."""

    permissions_boundary: names.Boundary | None = Field(
        default=None,
        description="policy that bounds every role made here",
        examples=["arn:aws:iam::123456789012:policy/boundary"],
    )
    path: Annotated[
        str,
        StringConstraints(pattern=r"^/([A-Za-z0-9_+=,.@-]+/)*$", max_length=512),
        Form("a path of IAM: a slash at both ends, up to 512 characters"),
    ] = Field(default="/", description="path of roles and policies", examples=["/livekit/"])


class Guard(Section):
    """Limits that a plan must keep."""

    max_monthly_cost: Annotated[Whole, Field(ge=1)] | None = Field(
        default=None,
        description="US dollars a month, by list prices: a plan that goes above it is refused",
        examples=[500],
    )


class Environment(Section):
    """One environment: everything that `up` builds."""

    preset: Literal["dev", "uat", "prod"] = Field(default="dev", description="sizes and safety to start from")
    name: names.Name = Field(description="part of every physical name; absent: the file's stem", examples=["uat"])
    project: names.Name = Field(
        default="livekit", description="first part of every physical name, and a tag", examples=["livekit"]
    )
    region: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z]{2,4}(-[a-z]+){1,2}-[0-9]$"),
        Form("the name of an AWS region, not of a zone in it"),
    ] = Field(description="the AWS region", examples=["us-east-1"])
    account_id: (
        Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$"), Form("the 12 digits of an AWS account")] | None
    ) = Field(default=None, description="refuse any other account", examples=["123456789012"])
    tags: dict[str, str] = Field(
        default={},
        description="added to everything when it is made, in addition to our own tags",
        examples=[{"team": "media"}],
    )
    protect: Switch = Field(
        default=False,
        description="`down` asks for the name although `--yes` is given, and secrets can be recovered for a week",
    )
    guard: Guard = Field(default=Guard(), description="limits that a plan must keep")
    state: Annotated[
        Annotated[S3State, Tag(SECTION)] | Annotated[FileState, Tag(OTHER_SECTION)], Discriminator(_store)
    ] = Field(default=S3State(), description="where the state lives: `{bucket}` in S3, or `{path}` for one machine")
    network: Network = Field(default=Network(), description="the VPC")
    cluster: Cluster = Field(description="the EKS control plane")
    nodes: Nodes = Field(description="the nodes")
    redis: Redis = Field(default=Redis(), description="ElastiCache")
    load_balancer_controller: LoadBalancerController = Field(
        default=LoadBalancerController(), description="the AWS Load Balancer Controller"
    )
    livekit: LiveKit = Field(description="LiveKit itself")
    iam: Iam = Field(default=Iam(), description="for accounts that restrict what roles may do")

    _source: Path | None = PrivateAttr(None)
    _places: Mapping[str, str] = PrivateAttr({})
    _warnings: tuple[str, ...] = PrivateAttr(())

    @property
    def resource_prefix(self) -> str:
        """First part of every physical name."""
        return f"{self.project}-{self.name}"

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart that is installed."""
        return self.load_balancer_controller.installed, self.livekit.installed

    @property
    def source(self) -> Path | None:
        """The file that this was read from."""
        return self._source

    def place(self, key: str) -> str:
        """Where a key such as ``guard.max_monthly_cost`` was set: ``file:line:column``, or the override's name."""
        return self._places.get(key, "")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but should be known."""
        return self._warnings

    def digest(self) -> str:
        """sha256 of the effective configuration, in hex: a saved plan is stale when it differs."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
