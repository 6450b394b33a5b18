"""The meaning of each state that AWS reports: one table for each enum, used by every kind and check.

A test holds the tables to botocore's models: each member has a meaning, and whatever else of an answer is an enum and
is looked at must be here as well. A member that is not known yet is in progress, with a note: it is waited for, and
nothing is deleted for it. Only what never came up is made again; what has run is never remade unasked.
Sources: the API reference of each service; KMS developer guide, "Key states of AWS KMS keys"; ElastiCache API
reference, ReplicationGroup and CacheCluster; EKS user guide, "Troubleshooting".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from livekit_deploy.engine.resource import Live, Status


class Meaning(StrEnum):
    """What a state comes to."""

    USABLE = "usable"
    DEGRADED = "usable, with a warning"
    BUSY = "usable, but takes no change at present"
    COMING = "on its way"
    GOING = "going"
    GONE = "gone"
    FAILED = "failed while it was created: it is made again"
    STUCK = "needs manual action"


_STATUS = {
    Meaning.USABLE: Status.READY,
    Meaning.DEGRADED: Status.READY,
    Meaning.BUSY: Status.READY,
    Meaning.COMING: Status.PENDING,
    Meaning.GOING: Status.DELETING,
    Meaning.GONE: Status.DELETING,
    Meaning.FAILED: Status.FAILED,
    Meaning.STUCK: Status.STUCK,
}


@dataclass(frozen=True)
class ObservedState:
    """What one object's state comes to; ``note`` is of a state that is not known, ``remedy`` what a person must do."""

    value: str
    meaning: Meaning
    remedy: str = ""
    note: str = ""

    @property
    def usable(self) -> bool:
        """Whether it serves, in whatever health."""
        return _STATUS[self.meaning] is Status.READY

    @property
    def holds(self) -> bool:
        """Whether it is there to stay, or will be."""
        return self.meaning not in (Meaning.GOING, Meaning.GONE, Meaning.FAILED)

    def live(
        self,
        id: str,
        props: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        *,
        what: str = "",
        detail: str = "",
        warning: str = "",
        remedy: str = "",
        **more: Any,
    ) -> Live:
        """The object as the engine sees it; ``what`` is the thing that has the state.

        ``warning`` is what AWS says is wrong with it: of one that is usable it warns, of one that is not it is the
        detail, unless there is another one.
        """
        usable = self.usable
        warned = warning or (f"it is {self.value}" if self.meaning is Meaning.DEGRADED else "")
        state = f"{what}: {self.value}" if what else self.value
        said = detail or ("" if usable else warning) or ("" if self.meaning is Meaning.USABLE else state)
        return Live(
            id,
            _STATUS[self.meaning],
            props or {},
            outputs or {},
            f"{said} ({self.note})" if self.note else said,
            warning=warned if usable else "",
            remedy=remedy or self.remedy,
            busy=self.meaning is Meaning.BUSY,
            **more,
        )


@dataclass(frozen=True)
class States:
    """An enum of AWS's: ``enum`` is its name in botocore's model of ``service``.

    Where the model has free text ``enum`` is the path of the field, and the members are those of its documentation.
    ``remedies`` say what a person must do about a member.
    """

    service: str
    enum: str
    members: Mapping[Meaning, tuple[str, ...]]
    remedies: Mapping[str, str] = field(default_factory=dict)

    def of(self, value: object) -> ObservedState:
        """What a value comes to. EC2 writes some states with other capitals than its model does."""
        text = str(value or "")
        for meaning, names in self.members.items():
            for name in names:
                if name.casefold() == text.casefold():
                    return ObservedState(text, meaning, self.remedies.get(name, ""))
        note = "AWS gives no state" if not text else "a state that this version does not know; waiting for another"
        return ObservedState(text or "no state", Meaning.COMING, note=note)


USABLE, DEGRADED, BUSY = Meaning.USABLE, Meaning.DEGRADED, Meaning.BUSY
COMING, GOING, GONE = Meaning.COMING, Meaning.GOING, Meaning.GONE
FAILED, STUCK = Meaning.FAILED, Meaning.STUCK

# ---- EC2

VPC = States("ec2", "VpcState", {USABLE: ("available",), COMING: ("pending",), GOING: ("deleting",)})
SUBNET = States(
    "ec2",
    "SubnetState",
    {
        USABLE: ("available",),
        DEGRADED: ("unavailable",),
        COMING: ("pending",),
        FAILED: ("failed", "failed-insufficient-capacity"),
    },
    {"unavailable": "see AWS's health dashboard for the zone; what runs in the other zones continues"},
)
ATTACHMENT = States(
    "ec2",
    "AttachmentStatus",
    # of an Internet gateway EC2 says "available" where it is attached (EC2 API reference, InternetGatewayAttachment)
    {USABLE: ("attached", "available"), COMING: ("attaching",), GOING: ("detaching",), GONE: ("detached",)},
)
_GATEWAY = {USABLE: ("available",), COMING: ("pending",), GOING: ("deleting",), GONE: ("deleted",)}
NAT_GATEWAY = States("ec2", "NatGatewayState", {**_GATEWAY, FAILED: ("failed",)})
VPN_GATEWAY = States("ec2", "VpnState", _GATEWAY)
ROUTE = States(
    "ec2",
    "RouteState",
    {USABLE: ("active",), DEGRADED: ("blackhole", "filtered")},
    dict.fromkeys(("blackhole", "filtered"), "put the route back: livekit-deploy up"),
)
ASSOCIATION = States(
    "ec2",
    "RouteTableAssociationStateCode",
    {
        USABLE: ("associated",),
        COMING: ("associating",),
        GOING: ("disassociating",),
        GONE: ("disassociated",),
        FAILED: ("failed",),
    },
)
ENDPOINT = States(
    "ec2",
    "State",
    {
        USABLE: ("Available",),
        DEGRADED: ("Partial",),
        COMING: ("Pending", "PendingAcceptance"),
        GOING: ("Deleting",),
        GONE: ("Deleted",),
        FAILED: ("Failed",),
        STUCK: ("Rejected", "Expired"),
    },
    {
        "Partial": "look at the endpoint in the VPC console: some of its zones do not serve",
        **dict.fromkeys(("Rejected", "Expired"), "delete the VPC endpoint and run up: it makes another one"),
    },
)
ZONE = States(
    "ec2",
    "AvailabilityZoneState",
    {USABLE: ("available", "information"), DEGRADED: ("impaired", "constrained"), STUCK: ("unavailable",)},
)
_IN = ("opt-in-not-required", "opted-in")
ZONE_OPT_IN = States("ec2", "AvailabilityZoneOptInStatus", {USABLE: _IN, STUCK: ("not-opted-in",)})
EXCLUSION = States(
    "ec2",
    "VpcBlockPublicAccessExclusionState",
    {
        USABLE: ("create-complete", "update-complete"),
        COMING: ("create-in-progress", "update-in-progress"),
        GOING: ("delete-in-progress", "disable-in-progress"),
        GONE: ("delete-complete", "disable-complete"),
        FAILED: ("create-failed", "update-failed"),
    },
)
FLOW_LOG_DELIVERY = States(
    "ec2",
    "FlowLogs[].DeliverLogsStatus",
    {USABLE: ("SUCCESS",), DEGRADED: ("FAILED",)},
    {"FAILED": "check the permissions of the flow log's role, and that its log group exists: livekit-deploy plan"},
)

# ---- EKS

_ISSUES = "look at its health issues in the EKS console"
_DELETE_AGAIN = "somebody began to delete it, and EKS could not: delete it again in the EKS console, then run up"
CLUSTER = States(
    "eks",
    "ClusterStatus",
    {
        USABLE: ("ACTIVE",),
        BUSY: ("UPDATING",),
        COMING: ("CREATING", "PENDING"),
        GOING: ("DELETING",),
        FAILED: ("FAILED",),
    },
)
NODE_GROUP = States(
    "eks",
    "NodegroupStatus",
    {
        USABLE: ("ACTIVE",),
        DEGRADED: ("DEGRADED",),
        BUSY: ("UPDATING",),
        COMING: ("CREATING",),
        GOING: ("DELETING",),
        FAILED: ("CREATE_FAILED",),
        STUCK: ("DELETE_FAILED",),
    },
    {"DEGRADED": _ISSUES, "DELETE_FAILED": _DELETE_AGAIN},
)
ADDON = States(
    "eks",
    "AddonStatus",
    {
        USABLE: ("ACTIVE",),
        # after an update that failed it runs on as it was before
        DEGRADED: ("DEGRADED", "UPDATE_FAILED"),
        BUSY: ("UPDATING",),
        COMING: ("CREATING",),
        GOING: ("DELETING",),
        FAILED: ("CREATE_FAILED",),
        STUCK: ("DELETE_FAILED",),
    },
    {"DEGRADED": _ISSUES, "UPDATE_FAILED": _ISSUES, "DELETE_FAILED": _DELETE_AGAIN},
)
SUPPORT = States(
    "eks",
    "VersionStatus",
    {USABLE: ("STANDARD_SUPPORT",), DEGRADED: ("EXTENDED_SUPPORT",), GONE: ("UNSUPPORTED",)},
)

# ---- ElastiCache

REPLICATION_GROUP = States(
    "elasticache",
    "ReplicationGroups[].Status",
    {
        USABLE: ("available",),
        # Redis serves while AWS takes a snapshot or changes something
        BUSY: ("snapshotting", "modifying"),
        COMING: ("creating",),
        GOING: ("deleting",),
        FAILED: ("create-failed",),
    },
)
CACHE_CLUSTER = States(
    "elasticache",
    "CacheClusters[].CacheClusterStatus",
    {
        USABLE: ("available",),
        BUSY: ("snapshotting", "modifying"),
        COMING: ("creating", "rebooting cluster nodes"),
        GOING: ("deleting",),
        GONE: ("deleted",),
        STUCK: ("incompatible-network", "restore-failed"),
    },
)
FAILOVER = States(
    "elasticache", "AutomaticFailoverStatus", {USABLE: ("enabled", "disabled"), BUSY: ("enabling", "disabling")}
)
MULTI_AZ = States("elasticache", "MultiAZStatus", {USABLE: ("enabled", "disabled")})

# ---- load balancers

LOAD_BALANCER = States(
    "elbv2",
    "LoadBalancerStateEnum",
    {USABLE: ("active",), DEGRADED: ("active_impaired",), COMING: ("provisioning",), STUCK: ("failed",)},
    {
        "active_impaired": "see the load balancer in the EC2 console: AWS has too little room for it in a subnet",
        "failed": "delete the load balancer in AWS and run up: the controller makes another one",
    },
)
TARGET = States(
    "elbv2",
    "TargetHealthStateEnum",
    {
        USABLE: ("healthy",),
        DEGRADED: ("unavailable",),
        COMING: ("initial",),
        GOING: ("draining", "unhealthy.draining"),
        STUCK: ("unhealthy", "unused"),
    },
)

# ---- ACM, KMS

_NEW_CERTIFICATE = (
    "request another certificate in ACM, set livekit.certificate to its ARN and run up; with auto again, the next up "
    "makes one of its own"
)
CERTIFICATE = States(
    "acm",
    "CertificateStatus",
    {
        USABLE: ("ISSUED",),
        COMING: ("PENDING_VALIDATION",),
        FAILED: ("FAILED", "VALIDATION_TIMED_OUT"),
        STUCK: ("EXPIRED", "REVOKED", "INACTIVE"),
    },
    dict.fromkeys(("EXPIRED", "REVOKED", "INACTIVE"), _NEW_CERTIFICATE),
)
VALIDATION = States("acm", "DomainStatus", {USABLE: ("SUCCESS",), COMING: ("PENDING_VALIDATION",), STUCK: ("FAILED",)})
KEY = States(
    "kms",
    "KeyState",
    {
        USABLE: ("Enabled",),
        # both are corrected by `up`, where the key is still wanted
        DEGRADED: ("Disabled", "PendingDeletion"),
        COMING: ("Creating", "Updating"),
        STUCK: ("PendingImport", "PendingReplicaDeletion", "Unavailable"),
    },
    {
        "Disabled": "run up, which enables it; by hand: aws kms enable-key --key-id {}",
        "PendingDeletion": "run up, which cancels that and enables the key; by hand: "
        "aws kms cancel-key-deletion --key-id {}, then aws kms enable-key --key-id {}",
        "PendingImport": "import the material of the key {} again, as the KMS console leads through",
        "PendingReplicaDeletion": "aws kms cancel-key-deletion --key-id {}, then aws kms enable-key --key-id {}",
        "Unavailable": "connect the key's store again: aws kms connect-custom-key-store --custom-key-store-id ID",
    },
)
