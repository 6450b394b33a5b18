"""Access entries and the policies associated with them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.eks.models import EKSBackend
from moto.iam.models import iam_backends

from livekit_deploy.sandbox.aws.eks.corrections.clusters import Clusters
from livekit_deploy.sandbox.aws.eks.errors import absent, in_use, invalid, not_now
from livekit_deploy.sandbox.aws.eks.store import ClusterEntry, Item
from livekit_deploy.sandbox.aws.sts.corrections import USER
from livekit_deploy.sandbox.clock import SandboxClock

_PRINCIPAL = re.compile(r"arn:[\w-]+:iam::\d{12}:(user|role)/.+")
_POLICY = re.compile(r"arn:[\w-]+:eks::aws:cluster-access-policy/\w+")


class Access:
    """The operations on access entries of one account and region."""

    def __init__(self, backend: EKSBackend, clock: SandboxClock) -> None:
        self._backend, self._clusters = backend, Clusters(backend, clock)

    def _get(self, asked: Mapping[str, Any]) -> tuple[ClusterEntry, Item]:
        entry = self._clusters.get(asked["name"])
        found = entry.access.get(asked["principalArn"])
        if found is None:
            raise absent(f"The specified principalArn could not be found: {asked['principalArn']}")
        return entry, found

    def describe_access_entry(self, asked: Mapping[str, Any]) -> Item:
        return {"accessEntry": _wire(self._get(asked)[1])}

    def list_access_entries(self, asked: Mapping[str, Any]) -> Item:
        return {"accessEntries": sorted(self._clusters.get(asked["name"]).access)}

    def create_access_entry(self, asked: Mapping[str, Any]) -> Item:
        entry, principal = self._clusters.active(asked["name"]), asked["principalArn"]
        if entry.wire["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
            raise not_now("The cluster's authentication mode must be set to API or API_AND_CONFIG_MAP")
        if not _PRINCIPAL.fullmatch(principal):
            raise invalid(f"The principalArn is invalid: {principal}")
        if "/aws-service-role/" in principal:
            raise invalid(
                "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
            )
        if not self._known(principal):
            raise invalid("The specified principalArn is invalid: invalid principal.")
        if principal in entry.access:
            raise in_use("The specified access entry resource is already in use on this cluster.")
        region, account = self._backend.region_name, self._backend.account_id
        kind, *_, name = principal.split(":")[5].split("/")
        where = f"access-entry/{asked['name']}/{kind}/{account}/{name}/{uuid.uuid4()}"
        entry.access[principal] = {
            "clusterName": asked["name"],
            "principalArn": principal,
            "kubernetesGroups": list(asked.get("kubernetesGroups") or []),
            "accessEntryArn": f"arn:{self._backend.partition}:eks:{region}:{account}:{where}",
            "createdAt": datetime.now(UTC),
            "modifiedAt": datetime.now(UTC),
            "tags": dict(asked.get("tags") or {}),
            "username": asked.get("username") or _own_name(principal),
            "type": asked.get("type") or "STANDARD",
            "policies": {},
        }
        return {"accessEntry": _wire(entry.access[principal])}

    def _known(self, principal: str) -> bool:
        """Whether IAM has it, by its whole ARN; what another account has is not known here."""
        account = principal.split(":")[4]
        if account != self._backend.account_id:
            return True
        iam = iam_backends[account][self._backend.partition]
        return principal.endswith(f":user/{USER}") or any(
            principal == one.arn for one in (*iam.roles.values(), *iam.users.values())
        )

    def update_access_entry(self, asked: Mapping[str, Any]) -> Item:
        _, found = self._get(asked)
        if asked.get("kubernetesGroups") is not None:
            found["kubernetesGroups"] = list(asked["kubernetesGroups"])
        if asked.get("username"):
            found["username"] = asked["username"]
        return {"accessEntry": _wire(found)}

    def delete_access_entry(self, asked: Mapping[str, Any]) -> Item:
        entry, _ = self._get(asked)
        del entry.access[asked["principalArn"]]
        return {}

    def associate_access_policy(self, asked: Mapping[str, Any]) -> Item:
        _, found = self._get(asked)
        if not _POLICY.fullmatch(asked["policyArn"]):
            raise invalid(f"The policyArn parameter format is not valid: {asked['policyArn']}")
        policy = {
            "policyArn": asked["policyArn"],
            "accessScope": {"namespaces": [], **asked["accessScope"]},
            "associatedAt": datetime.now(UTC),
            "modifiedAt": datetime.now(UTC),
        }
        found["policies"][asked["policyArn"]] = policy
        return {
            "clusterName": asked["name"],
            "principalArn": asked["principalArn"],
            "associatedAccessPolicy": policy,
        }

    def disassociate_access_policy(self, asked: Mapping[str, Any]) -> Item:
        _, found = self._get(asked)
        if found["policies"].pop(asked["policyArn"], None) is None:
            raise absent(f"The specified policyArn could not be found: {asked['policyArn']}")
        return {}

    def list_associated_access_policies(self, asked: Mapping[str, Any]) -> Item:
        _, found = self._get(asked)
        return {
            "clusterName": asked["name"],
            "principalArn": asked["principalArn"],
            "associatedAccessPolicies": list(found["policies"].values()),
        }


def _own_name(principal: str) -> str:
    """The name in Kubernetes of whom no other is asked for (EKS user guide, "Create access entries")."""
    _, partition, _, _, account, who = principal.split(":", 5)
    kind, *_, name = who.split("/")
    return f"arn:{partition}:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}" if kind == "role" else principal


def _wire(found: Item) -> Item:
    return {key: value for key, value in found.items() if key != "policies"}
