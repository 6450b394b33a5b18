"""What EKS stores: clusters and their parts, each with its state and how long that lasts.

Durations are AWS's seconds. Source: EKS API reference; durations as users report them.
"""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from moto.eks.models import EKSBackend, eks_backends

from livekit_deploy.sandbox.aws.every_service.patching import kept
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.serving.authority import Authority

CLUSTER_CREATION, CLUSTER_DELETION, CLUSTER_UPDATE, VERSION_UPDATE = 515.0, 180.0, 60.0, 480.0
GROUP_CREATION, GROUP_DELETION, GROUP_UPDATE, GROUP_ROLL = 115.0, 240.0, 20.0, 300.0
ADDON_CREATION, ADDON_DELETION = 35.0, 25.0

Item = dict[str, Any]


@dataclass
class Hooks:
    """What the rest of the sandbox does when a cluster begins to serve and when it ends."""

    cluster_active: Callable[[str, str, str], tuple[str, str]] | None = None
    cluster_deleted: Callable[[str, str, str], None] | None = None


hooks = Hooks()
#: everything that looks at or changes what EKS keeps holds it
lock = threading.RLock()


@dataclass
class Thing:
    """A cluster, node group or add-on: its wire form, its state, and what ends the state."""

    wire: Item
    since: float
    seconds: float
    then: Callable[[], None]
    degrades: ClassVar[bool] = True

    def advance(self, clock: SandboxClock) -> None:
        """Move on when the state has lasted long enough."""
        if self.seconds >= 0 and clock.passed(self.since, self.seconds):
            self.seconds = -1.0
            self.then()

    def begin(self, status: str, clock: SandboxClock, seconds: float, then: Callable[[], None]) -> None:
        """Enter a state that lasts so many of AWS's seconds."""
        self.wire["status"], self.since, self.seconds, self.then = status, clock.now(), seconds, then

    def settle(self, status: str) -> None:
        """Enter a state that lasts; what should be active is degraded as long as something is wrong with it."""
        ill = status == "ACTIVE" and self.degrades and self.wire["health"]["issues"]
        self.wire["status"], self.seconds = "DEGRADED" if ill else status, -1.0

    def heal(self) -> None:
        """Nothing is wrong with it any more."""
        self.wire["health"] = {"issues": []}

    def fall_ill(self, code: str, message: str, ids: list[str]) -> None:
        """From now on, or when its present state ends, something is wrong with it, until it is healed."""
        issue = {"code": code, "message": message, "resourceIds": ids}
        ending = self.then

        def ill() -> None:
            self.wire["health"] = {"issues": [issue]}
            self.settle("ACTIVE")

        def after() -> None:
            ending()
            ill()

        if self.seconds < 0:
            ill()
        else:
            self.then = after


@dataclass
class ClusterEntry(Thing):
    """A cluster with what lives in it; whatever is wrong with it, it is active."""

    degrades: ClassVar[bool] = False

    groups: dict[str, Thing] = field(default_factory=dict)
    addons: dict[str, Thing] = field(default_factory=dict)
    access: dict[str, Item] = field(default_factory=dict)
    updates: dict[str, Item] = field(default_factory=dict)
    interfaces: list[str] = field(default_factory=list)


@dataclass
class Store:
    """The EKS of one account and region."""

    clusters: dict[str, ClusterEntry] = field(default_factory=dict)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)


def store(backend: EKSBackend) -> Store:
    """What an account has in a region; a reset of moto wipes it."""
    found: Store = kept(backend, "eks", Store)
    return found


def store_of(account: str, region: str) -> Store:
    """The same, by account and region."""
    return store(eks_backends[account][region])


def new_update(kind: str, status: str = "InProgress") -> Item:
    """The wire form of a change that has just begun (EKS API reference, Update)."""
    return {
        "id": str(uuid.uuid4()),
        "status": status,
        "type": kind,
        "params": [],
        "createdAt": datetime.now(UTC),
        "errors": [],
    }


def new_cluster(backend: EKSBackend, asked: Mapping[str, Any]) -> Item:
    """The wire form of a cluster that was just asked for."""
    name, region = asked["name"], backend.region_name
    id = uuid.uuid4().hex.upper()
    vpc = dict(asked["resourcesVpcConfig"])
    access = asked.get("accessConfig") or {}
    return {
        "name": name,
        "arn": f"arn:{backend.partition}:eks:{region}:{backend.account_id}:cluster/{name}",
        "createdAt": datetime.now(UTC),
        "version": asked.get("version") or "1.36",
        "endpoint": f"https://{id}.gr7.{region}.eks.amazonaws.com",
        "roleArn": asked["roleArn"],
        "resourcesVpcConfig": {
            "endpointPublicAccess": True,
            "endpointPrivateAccess": False,
            "publicAccessCidrs": ["0.0.0.0/0"],
            "securityGroupIds": [],
            **vpc,
        },
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"},
        "logging": asked.get("logging") or {"clusterLogging": []},
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{id}"}},
        "status": "CREATING",
        "certificateAuthority": {"data": base64.b64encode(Authority("kubernetes").pem).decode()},
        "platformVersion": "eks.3",
        "tags": dict(asked.get("tags") or {}),
        "encryptionConfig": list(asked.get("encryptionConfig") or []),
        "accessConfig": {
            "authenticationMode": access.get("authenticationMode", "CONFIG_MAP"),
            "bootstrapClusterCreatorAdminPermissions": access.get("bootstrapClusterCreatorAdminPermissions", True),
        },
        "upgradePolicy": asked.get("upgradePolicy") or {"supportType": "EXTENDED"},
        "deletionProtection": bool(asked.get("deletionProtection", False)),
        "health": {"issues": []},
    }
