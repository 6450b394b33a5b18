"""EKS clusters: creation with all settings, one kind of change for each call, deletion in the required order.

moto has them active at once, knows no updates, and deletes a cluster whatever is in it. Source: EKS API reference,
CreateCluster, UpdateClusterConfig, UpdateClusterVersion, AssociateEncryptionConfig and DeleteCluster.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from moto.ec2.models import ec2_backends
from moto.eks.models import EKSBackend
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends

from livekit_deploy.sandbox.aws.ec2.corrections.zones import UNSUPPORTED, zones_of
from livekit_deploy.sandbox.aws.eks.errors import absent, in_use, invalid, not_now, unsupported_zone
from livekit_deploy.sandbox.aws.eks.store import (
    CLUSTER_CREATION,
    CLUSTER_DELETION,
    CLUSTER_UPDATE,
    VERSION_UPDATE,
    ClusterEntry,
    Item,
    hooks,
    new_cluster,
    new_update,
    store,
)
from livekit_deploy.sandbox.aws.guardduty import additions as guardduty
from livekit_deploy.sandbox.aws.iam.policy_statements import trusts
from livekit_deploy.sandbox.aws.logs.additions import expect_late
from livekit_deploy.sandbox.clock import SandboxClock

#: minor versions on offer, oldest first
VERSIONS = ("1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_KEY_ISSUES = {"Disabled": "KmsKeyDisabled", "PendingDeletion": "KmsKeyMarkedForDeletion"}


class Clusters:
    """The operations on clusters of one account and region."""

    def __init__(self, backend: EKSBackend, clock: SandboxClock) -> None:
        self._backend, self._clock, self._store = backend, clock, store(backend)
        self._ec2 = ec2_backends[backend.account_id][backend.region_name]

    # ---- reading

    def get(self, name: str) -> ClusterEntry:
        """The cluster with its state brought up to date."""
        found = self._store.clusters.get(name)
        if found is None:
            raise absent(f"No cluster found for name: {name}.")
        found.advance(self._clock)
        if name not in self._store.clusters:
            raise absent(f"No cluster found for name: {name}.")
        return found

    def active(self, name: str) -> ClusterEntry:
        """The cluster, which must be ACTIVE."""
        found = self.get(name)
        if found.wire["status"] != "ACTIVE":
            raise not_now(f"Cluster '{name}' is not in ACTIVE status")
        return found

    def describe_cluster(self, asked: Mapping[str, Any]) -> Item:
        wire = dict(self.get(asked["name"]).wire)
        wire["health"] = {"issues": [*wire["health"]["issues"], *self._key_issues(wire)]}
        if wire["status"] == "CREATING":  # neither is known before it runs
            wire = {key: value for key, value in wire.items() if key not in ("endpoint", "certificateAuthority")}
        return {"cluster": wire}

    def _key_issues(self, wire: Item) -> list[Item]:
        """What is wrong with the key of its secrets (EKS API reference, ClusterIssue)."""
        arns = [one["provider"]["keyArn"] for one in wire["encryptionConfig"]]
        keys = kms_backends[self._backend.account_id][self._backend.region_name].keys
        states = [(arn, found.key_state) for arn in arns if (found := keys.get(arn.rpartition("/")[2]))]
        return [
            {"code": _KEY_ISSUES[state], "message": f"The KMS key {arn} is {state}.", "resourceIds": [arn]}
            for arn, state in states
            if state in _KEY_ISSUES
        ]

    def list_clusters(self, asked: Mapping[str, Any]) -> Item:
        for name in list(self._store.clusters):
            self._store.clusters[name].advance(self._clock)
        return {"clusters": sorted(self._store.clusters)}

    def describe_cluster_versions(self, asked: Mapping[str, Any]) -> Item:
        found = [
            {
                "clusterVersion": version,
                "defaultVersion": version == VERSIONS[-2],
                "status": "standard-support",
                "versionStatus": "STANDARD_SUPPORT",
            }
            for version in reversed(VERSIONS)
        ]
        return {"clusterVersions": found}

    # ---- creating

    def create_cluster(self, asked: Mapping[str, Any]) -> Item:
        name = asked["name"]
        if name in self._store.clusters:
            raise in_use(f"Cluster already exists with name: {name}")
        self._check(asked)
        wire = new_cluster(self._backend, asked)
        subnets = [self._ec2.get_subnet(id) for id in wire["resourcesVpcConfig"]["subnetIds"]]
        wire["resourcesVpcConfig"]["vpcId"] = subnets[0].vpc_id
        entry = ClusterEntry(wire, self._clock.now(), CLUSTER_CREATION, lambda: self._serve(entry))
        wire["resourcesVpcConfig"]["clusterSecurityGroupId"] = self._group(name, subnets[0].vpc_id)
        self._interfaces(entry, subnets[:2])
        self._store.clusters[name] = entry
        return {"cluster": wire}

    def _check(self, asked: Mapping[str, Any]) -> None:
        if not _NAME.fullmatch(asked["name"]):
            raise invalid(f"The cluster name {asked['name']} is not valid")
        if (version := asked.get("version")) and version not in VERSIONS:
            raise invalid(f"unsupported Kubernetes version {version}")
        self._check_zones(asked)
        role = str(asked["roleArn"]).rpartition("/")[2]
        roles = iam_backends[self._backend.account_id][self._backend.partition].roles.values()
        there = next((one for one in roles if one.name == role), None)
        if there is None:
            raise invalid(f"The role with name {role} could not be assumed because it does not exist")
        where = f"{self._backend.region_name}:{self._backend.account_id}"
        source = f"arn:{self._backend.partition}:eks:{where}:cluster/{asked['name']}"
        if not trusts(there.assume_role_policy_document, "eks.amazonaws.com", source):
            raise invalid(
                f"Role with arn: {asked['roleArn']}, could not be assumed because it does not exist or the "
                "trusted entity is not correct"
            )

    def _check_zones(self, asked: Mapping[str, Any]) -> None:
        zones = set()
        for id in asked["resourcesVpcConfig"].get("subnetIds", []):
            try:
                zones.add(self._ec2.get_subnet(id).availability_zone)
            except Exception as error:
                raise invalid(f"The subnet ID '{id}' does not exist") from error
        if len(zones) < 2:
            raise invalid("Subnets specified must be in at least two different AZs")
        offered = {one.name: one.zone_id for one in zones_of(self._ec2) if one.zone_type == "availability-zone"}
        if wrong := [zone for zone in sorted(zones) if offered.get(zone) in (None, *UNSUPPORTED)]:
            raise unsupported_zone(wrong[0], [zone for zone, id in offered.items() if id not in UNSUPPORTED])

    def _group(self, name: str, vpc_id: str) -> str:
        group = self._ec2.create_security_group(
            f"eks-cluster-sg-{name}-{uuid.uuid4().int % 10**9}",
            "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
            "as well as any managed workloads.",
            vpc_id=vpc_id,
            tags={"aws:eks:cluster-name": name, f"kubernetes.io/cluster/{name}": "owned"},
        )
        return str(group.id)

    def _interfaces(self, entry: ClusterEntry, subnets: list[Any]) -> None:
        group = entry.wire["resourcesVpcConfig"]["clusterSecurityGroupId"]
        for subnet in subnets:
            made = self._ec2.create_network_interface(
                subnet, "", group_ids=[group], description=f"Amazon EKS {entry.wire['name']}"
            )
            made.status = "in-use"
            entry.interfaces.append(made.id)

    def _serve(self, entry: ClusterEntry) -> None:
        """The control plane runs; the rest of the sandbox gives it an endpoint."""
        entry.settle("ACTIVE")
        self._log(entry)
        vpc = entry.wire["resourcesVpcConfig"]
        guardduty.monitor(self._ec2, vpc["vpcId"], [self._ec2.get_subnet(id) for id in vpc["subnetIds"]])
        if hooks.cluster_active is not None:
            where = self._backend.account_id, self._backend.region_name, entry.wire["name"]
            endpoint, authority = hooks.cluster_active(*where)
            entry.wire["endpoint"], entry.wire["certificateAuthority"] = endpoint, {"data": authority}

    def _log(self, entry: ClusterEntry) -> None:
        """EKS makes its log group whenever it has something to log and there is none."""
        groups = entry.wire["logging"].get("clusterLogging", [])
        name = f"/aws/eks/{entry.wire['name']}/cluster"
        backend = logs_backends[self._backend.account_id][self._backend.region_name]
        if any(one.get("enabled") for one in groups) and name not in backend.groups:
            backend.create_log_group(name, {})

    # ---- changing

    def update_cluster_config(self, asked: Mapping[str, Any]) -> Item:
        entry = self.active(asked["name"])
        kinds = [key for key in ("resourcesVpcConfig", "logging", "accessConfig", "upgradePolicy") if asked.get(key)]
        kinds += ["deletionProtection"] if asked.get("deletionProtection") is not None else []
        if len(kinds) != 1:
            raise invalid("Only one type of update can be allowed.")
        kind, wire = kinds[0], entry.wire
        if kind == "deletionProtection":
            if wire[kind] == asked[kind]:
                raise invalid("No changes needed for the deletion protection setting provided")
            wire[kind] = asked[kind]
            return self._updated(entry, "DeletionProtectionUpdate", 0.0)
        if kind == "logging":
            wire[kind] = asked[kind]
        elif kind == "resourcesVpcConfig":
            self._update_vpc(wire, asked[kind])
        else:
            wire[kind] = {**wire[kind], **asked[kind]}
        return self._updated(entry, {"logging": "LoggingUpdate"}.get(kind, "VpcConfigUpdate"), CLUSTER_UPDATE)

    def _update_vpc(self, wire: Item, asked: Mapping[str, Any]) -> None:
        endpoint = {key for key in asked if key.startswith(("endpoint", "publicAccess"))}
        if endpoint and len(endpoint) != len(asked):
            raise invalid("Only one type of update can be allowed.")
        merged = {**wire["resourcesVpcConfig"], **asked}
        if merged == wire["resourcesVpcConfig"]:
            raise invalid("Cluster is already at the desired configuration")
        wire["resourcesVpcConfig"] = merged

    def update_cluster_version(self, asked: Mapping[str, Any]) -> Item:
        entry = self.active(asked["name"])
        have, want = entry.wire["version"], asked["version"]
        if want not in VERSIONS or VERSIONS.index(want) != VERSIONS.index(have) + 1:
            raise invalid(f"Unsupported Kubernetes minor version update from {have} to {want}")
        update = self._updated(entry, "VersionUpdate", VERSION_UPDATE)
        entry.wire["version"] = want
        return update

    def associate_encryption_config(self, asked: Mapping[str, Any]) -> Item:
        entry = self.active(asked["name"])
        if entry.wire["encryptionConfig"]:
            raise invalid("The cluster has an encryption configuration already")
        entry.wire["encryptionConfig"] = asked["encryptionConfig"]
        return self._updated(entry, "AssociateEncryptionConfig", CLUSTER_UPDATE)

    def _updated(self, entry: ClusterEntry, kind: str, seconds: float) -> Item:
        update = new_update(kind, "InProgress" if seconds else "Successful")
        entry.updates[update["id"]] = update

        def done() -> None:
            entry.settle("ACTIVE")
            update["status"] = "Successful"
            self._log(entry)

        if seconds:
            entry.begin("UPDATING", self._clock, seconds, done)
        return {"update": update}

    def describe_update(self, asked: Mapping[str, Any]) -> Item:
        update = self.get(asked["name"]).updates.get(asked["updateId"])
        if update is None:
            raise absent(f"No update found for ID: {asked['updateId']}")
        return {"update": update}

    def list_updates(self, asked: Mapping[str, Any]) -> Item:
        return {"updateIds": sorted(self.get(asked["name"]).updates)}

    # ---- deleting

    def delete_cluster(self, asked: Mapping[str, Any]) -> Item:
        entry = self.get(asked["name"])
        if entry.wire["status"] in ("CREATING", "UPDATING"):
            raise in_use(f"Cluster '{asked['name']}' is {entry.wire['status']}")
        if entry.wire["deletionProtection"]:
            raise not_now("Cluster has deletion protection enabled")
        if entry.groups:
            raise in_use("Cluster has nodegroups attached")
        if entry.wire["status"] != "DELETING":
            self._log(entry)  # the control plane's last words
            entry.begin("DELETING", self._clock, CLUSTER_DELETION, lambda: self._gone(entry))
        return {"cluster": entry.wire}

    def _gone(self, entry: ClusterEntry) -> None:
        """Interfaces go with the cluster, its group too unless an interface or another group's rule holds it."""
        name = entry.wire["name"]
        for id in entry.interfaces:
            self._ec2.enis.pop(id, None)
        group = entry.wire["resourcesVpcConfig"]["clusterSecurityGroupId"]
        if not self._held(group) and self._ec2.get_security_group_from_id(group) is not None:
            self._revoke_references(group)
            self._ec2.delete_security_group(group_id=group)
        if any(one.get("enabled") for one in entry.wire["logging"].get("clusterLogging", [])):
            expect_late(logs_backends[self._backend.account_id][self._backend.region_name], f"/aws/eks/{name}/cluster")
        del self._store.clusters[name]
        if hooks.cluster_deleted is not None:
            hooks.cluster_deleted(self._backend.account_id, self._backend.region_name, name)

    def _held(self, group: str) -> bool:
        carried = any(one.id == group for interface in self._ec2.enis.values() for one in interface.group_set)
        others = [other for groups in self._ec2.groups.values() for other in groups.values() if other.id != group]
        rules = [rule for other in others for rule in (*other.ingress_rules, *other.egress_rules)]
        return carried or any((rule.source_group or {}).get("GroupId") == group for rule in rules)

    def _revoke_references(self, group: str) -> None:
        own = self._ec2.get_security_group_from_id(group)
        if own is not None:
            own.ingress_rules = [one for one in own.ingress_rules if not one.source_group]
