"""EKS add-ons: network, proxy and pod identity before there are nodes, DNS and metrics once there are.

A version that the file does not give is AWS's default at the time of creation and then stays. A new one that is
DEGRADED is waited for (CoreDNS is, until the first node has joined), except for causes that waiting does not cure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.aws.diagnosis import told
from livekit_deploy.aws.eks import NEW_ROLE, claiming
from livekit_deploy.aws.issues import ADDON_ISSUE, health
from livekit_deploy.aws.states import ADDON
from livekit_deploy.aws.tags import ADDRESS
from livekit_deploy.engine.inputs import Input, Output
from livekit_deploy.engine.resource import MINUTE, Found, Live, Resource
from livekit_deploy.errors import Absent, ResourceError

BEFORE_NODES = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
AFTER_NODES = ("coredns", "metrics-server")

#: what each is given unless the file says otherwise. The network plugin gives UDP that a node's own pods send first
#: another source port by chance; media is offered with the port that it left from (Amazon VPC CNI plugin, README)
CONFIGURATION: Mapping[str, Mapping[str, Any]] = {"vpc-cni": {"env": {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": "none"}}}


def same_version(want: str, have: str) -> bool:
    """Whether ``v1.20`` or ``v1.20.4`` names ``v1.20.4-eksbuild.1``."""
    return have == want or have.startswith((f"{want}.", f"{want}-"))


class Addon(Resource):
    """An EKS add-on; the resource's name is the add-on's.

    ``version`` may be given in part, None leaves it to AWS once. ``configuration`` is the add-on's own configuration.
    Source: EKS API reference, CreateAddon and UpdateAddon.
    """

    kind = "eks.addon"
    host_kind = "eks.cluster"
    dies_with_host = True
    timeout, delete_timeout = 20 * MINUTE, 10 * MINUTE
    usual, usual_delete = 45.0, 30.0
    propagation = {"InvalidParameterException": (*NEW_ROLE, "CREATE_FAILED"), "InvalidRequestException": NEW_ROLE}

    version: Input[str | None] = Input(api="addonVersion", default=None)
    configuration: Input[Mapping[str, Any]] = Input(api="configurationValues", default={})

    arn = Output[str]()

    def differs(self, key: str, want: Any, have: Any) -> bool:
        """A version is compared to the precision given, and not at all when none is."""
        if key == "version":
            return isinstance(want, str) and not (isinstance(have, str) and same_version(want, have))
        return super().differs(key, want, have)

    def _cluster(self) -> str:
        if self.host is None:
            raise Absent(f"{self.address}: its cluster is not there", address=self.address)
        return self.host.id

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        addon = _describe(cloud, self._cluster(), self.instance)
        if addon is None:
            return None
        if id is None:
            cloud.marks.claim(addon.get("tags", {}), self.address, f"the EKS add-on {self.instance}")
        return _live(addon)

    def create(self, cloud: Cloud, token: str) -> str:
        version = {"addonVersion": self._full_version(cloud, self.version)} if self.version else {}
        values = {"configurationValues": _text(self.configuration)} if self.configuration else {}
        with claiming(f"the EKS add-on {self.instance} exists already"):
            cloud.eks.create_addon(
                clusterName=self._cluster(),
                addonName=self.instance,
                resolveConflicts="OVERWRITE",
                clientRequestToken=token,
                tags=cloud.marks.tags(self.address),
                **version,
                **values,
            )
        return self.instance

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        version = {"addonVersion": self._full_version(cloud, self.version)} if self.version else {}
        cloud.eks.update_addon(
            clusterName=self._cluster(),
            addonName=self.instance,
            resolveConflicts="OVERWRITE",
            configurationValues=_text(self.configuration),
            **version,
        )

    def _full_version(self, cloud: Cloud, given: str) -> str:
        """The newest version that AWS offers for this cluster within what was given."""
        assert self.host is not None
        offered = cloud.eks.pages(
            "describe_addon_versions",
            "addons",
            addonName=self.instance,
            kubernetesVersion=self.host.outputs["version"],
        )
        versions = [item["addonVersion"] for addon in offered for item in addon.get("addonVersions", [])]
        fitting = [item for item in versions if same_version(given, item)]
        if not fitting:
            raise ResourceError(
                f"the add-on {self.instance} has no version {given} for Kubernetes {self.host.outputs['version']}",
                address=self.address,
                hint=f"choose one of: {', '.join(versions)}" if versions else "check the add-on's name and version",
            )
        return str(max(fitting, key=_order))

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.eks.delete_addon(clusterName=self._cluster(), addonName=live.id, preserve=False)

    def diagnose(self, cloud: Cloud, live: Live | None) -> tuple[str, str]:
        return told(live)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        if host is None or cloud.marks.lineage is None:
            return
        for name in cloud.eks.pages("list_addons", "addons", clusterName=host.id):
            addon = _describe(cloud, host.id, name)
            if addon is not None and cloud.marks.ours(addon.get("tags", {})):
                yield Found(addon["tags"].get(ADDRESS, ""), _live(addon))


def _order(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _text(configuration: Mapping[str, Any]) -> str:
    return json.dumps(configuration, sort_keys=True)


def _describe(cloud: Cloud, cluster: str, name: str) -> Mapping[str, Any] | None:
    try:
        addon: Mapping[str, Any] = cloud.eks.describe_addon(clusterName=cluster, addonName=name)["addon"]
    except Absent:
        return None
    return addon


def _live(addon: Mapping[str, Any]) -> Live:
    ill = health(ADDON_ISSUE, addon.get("health", {}).get("issues", []))
    props = {
        "version": addon.get("addonVersion"),
        "configuration": json.loads(addon.get("configurationValues") or "{}"),
    }
    outputs = {"arn": addon["addonArn"], "version": props["version"]}
    seen = ADDON.of(addon["status"])
    return seen.live(addon["addonName"], props, outputs, **ill.told(seen))
