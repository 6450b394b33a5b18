"""EKS add-ons: the versions on offer, their states, DEGRADED as long as there is no node to run on."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.eks.models import EKSBackend
from moto.iam.models import iam_backends

from livekit_deploy.sandbox.aws.eks.corrections.clusters import VERSIONS, Clusters
from livekit_deploy.sandbox.aws.eks.errors import absent, in_use, invalid
from livekit_deploy.sandbox.aws.eks.store import ADDON_CREATION, ADDON_DELETION, ClusterEntry, Item, Thing, new_update
from livekit_deploy.sandbox.clock import SandboxClock

_OFFERED = {
    "vpc-cni": ("v1.21.1-eksbuild.1", "v1.20.4-eksbuild.2"),
    "kube-proxy": ("v1.36.1-eksbuild.1", "v1.36.0-eksbuild.2"),
    "eks-pod-identity-agent": ("v1.3.10-eksbuild.1", "v1.3.8-eksbuild.2"),
    "coredns": ("v1.12.4-eksbuild.1", "v1.12.3-eksbuild.1"),
    "metrics-server": ("v0.8.0-eksbuild.3", "v0.7.2-eksbuild.4"),
    "aws-ebs-csi-driver": ("v1.50.1-eksbuild.1",),
}
_NO_NODES = "InsufficientNumberOfReplicas"
_NEED_RIGHTS = {"vpc-cni", "aws-ebs-csi-driver"}
_NEED_NODES = {"coredns", "metrics-server", "aws-ebs-csi-driver"}


class Addons:
    """The operations on add-ons of one account and region."""

    def __init__(self, backend: EKSBackend, clock: SandboxClock) -> None:
        self._backend, self._clock = backend, clock
        self._clusters = Clusters(backend, clock)

    def _get(self, asked: Mapping[str, Any]) -> tuple[ClusterEntry, Thing]:
        entry, name = self._clusters.get(asked["name"]), asked["addonName"]
        if name in entry.addons:
            entry.addons[name].advance(self._clock)
        if name not in entry.addons:
            raise absent(f"No addon: {name} found in cluster: {asked['name']}")
        addon = entry.addons[name]
        self._look(entry, addon)
        return entry, addon

    def _look(self, entry: ClusterEntry, addon: Thing) -> None:
        """What needs nodes is degraded until one has joined."""
        if addon.wire["status"] not in ("ACTIVE", "DEGRADED") or addon.wire["addonName"] not in _NEED_NODES:
            return
        if any(one["code"] != _NO_NODES for one in addon.wire["health"]["issues"]):
            return
        nodes = any(group.wire["status"] in ("ACTIVE", "DEGRADED", "UPDATING") for group in entry.groups.values())
        issue = {
            "code": _NO_NODES,
            "message": "The add-on is unhealthy: no nodes",
            "resourceIds": [],
        }
        addon.wire["status"] = "ACTIVE" if nodes else "DEGRADED"
        addon.wire["health"] = {"issues": [] if nodes else [issue]}

    def describe_addon(self, asked: Mapping[str, Any]) -> Item:
        return {"addon": self._get(asked)[1].wire}

    def list_addons(self, asked: Mapping[str, Any]) -> Item:
        entry = self._clusters.get(asked["name"])
        for addon in list(entry.addons.values()):
            addon.advance(self._clock)
        return {"addons": sorted(entry.addons)}

    def describe_addon_versions(self, asked: Mapping[str, Any]) -> Item:
        name = asked.get("addonName")
        known = asked.get("kubernetesVersion") in (None, *VERSIONS)
        found = [one for one in _OFFERED if known and name in (None, one)]
        return {"addons": [{"addonName": one, "type": "networking", "addonVersions": _versions(one)} for one in found]}

    def create_addon(self, asked: Mapping[str, Any]) -> Item:
        entry, name = self._clusters.active(asked["name"]), asked["addonName"]
        if name in entry.addons:
            raise in_use("Addon already exists.")
        if name not in _OFFERED:
            raise invalid(f"Addon {name} specified is not supported")
        region, account = self._backend.region_name, self._backend.account_id
        arn = f"arn:{self._backend.partition}:eks:{region}:{account}:addon/{asked['name']}/{name}/{uuid.uuid4()}"
        wire = {
            "addonName": name,
            "clusterName": asked["name"],
            "status": "CREATING",
            "addonVersion": _version(name, asked.get("addonVersion")),
            "health": {"issues": []},
            "addonArn": arn,
            "createdAt": datetime.now(UTC),
            "modifiedAt": datetime.now(UTC),
            "tags": dict(asked.get("tags") or {}),
            "configurationValues": _configuration(asked),
            "serviceAccountRoleArn": self._role(asked),
        }
        addon = Thing(wire, self._clock.now(), ADDON_CREATION, lambda: addon.settle("ACTIVE"))
        entry.addons[name] = addon
        return {"addon": wire}

    def update_addon(self, asked: Mapping[str, Any]) -> Item:
        entry, addon = self._get(asked)
        if addon.wire["status"] not in ("ACTIVE", "DEGRADED", "UPDATE_FAILED"):
            raise in_use(f"Addon {asked['addonName']} is {addon.wire['status']}")
        if asked.get("addonVersion"):
            addon.wire["addonVersion"] = _version(asked["addonName"], asked["addonVersion"])
        if asked.get("configurationValues") is not None:
            addon.wire["configurationValues"] = _configuration(asked)

        def updated() -> None:
            addon.heal()
            addon.settle("ACTIVE")

        addon.wire["serviceAccountRoleArn"] = self._role(asked)
        addon.begin("UPDATING", self._clock, ADDON_CREATION, updated)
        update = new_update("AddonUpdate")
        entry.updates[str(update["id"])] = update
        return {"update": update}

    def _role(self, asked: Mapping[str, Any]) -> str | None:
        """The role of its service account, which must be there; one that is left out is taken away."""
        arn = asked.get("serviceAccountRoleArn")
        roles = iam_backends[self._backend.account_id][self._backend.partition].roles.values()
        if arn and not any(one.arn == arn for one in roles):
            raise invalid(f"The service account role {arn} does not exist")
        return arn or None

    def delete_addon(self, asked: Mapping[str, Any]) -> Item:
        entry, addon = self._get(asked)
        if addon.wire["status"] != "DELETING":
            name = asked["addonName"]
            addon.begin("DELETING", self._clock, ADDON_DELETION, lambda: _drop(entry, name))
        return {"addon": addon.wire}


def _drop(entry: ClusterEntry, name: str) -> None:
    entry.addons.pop(name, None)


def _versions(name: str) -> list[Item]:
    return [
        {
            "addonVersion": addon,
            "requiresIamPermissions": name in _NEED_RIGHTS,
            "compatibilities": [
                {"clusterVersion": version, "platformVersions": ["*"], "defaultVersion": number == 0}
                for version in reversed(VERSIONS)
            ],
        }
        for number, addon in enumerate(_OFFERED[name])
    ]


def _version(name: str, asked: str | None) -> str:
    if asked is None:
        return _OFFERED[name][0]
    if asked not in _OFFERED[name]:
        raise invalid(f"Addon version specified is not supported: {asked}")
    return asked


def _configuration(asked: Mapping[str, Any]) -> str | None:
    text = asked.get("configurationValues")
    if text:
        try:
            json.loads(text)
        except ValueError as error:
            raise invalid("ConfigurationValue provided in request is not supported: not JSON") from error
    return text or None
