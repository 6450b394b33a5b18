"""EKS add-ons: network, proxy and pod identity before there are nodes, DNS and metrics once there are.

A version that the file does not give is AWS's default at the time of creation and then stays. A new one that is
DEGRADED is waited for (CoreDNS is, until the first node has joined), except for causes that waiting does not cure.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.diagnosis import cause_and_remedy
from livekit_deploy.aws.kinds.eks.access_entries import unknown_principal
from livekit_deploy.aws.kinds.eks.cluster import NEW_ROLE, in_use_means_conflict
from livekit_deploy.aws.kinds.eks.issues import ADDON_ISSUE, health
from livekit_deploy.aws.kinds.eks.resource import InCluster
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.aws.kinds.states import ADDON
from livekit_deploy.engine.inputs import Input, Output
from livekit_deploy.engine.resource import MINUTE, Live
from livekit_deploy.errors import ResourceError

_MOST = 10  # versions that are listed
BEFORE_NODES = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
#: whose rights the role of the nodes has
_BY_NODES = ("vpc-cni",)
AFTER_NODES = ("coredns", "metrics-server")

#: what each is given unless the file says otherwise. The network plugin gives UDP that a node's own pods send first
#: another source port by chance; media is offered with the port that it left from (Amazon VPC CNI plugin, README)
CONFIGURATION: Mapping[str, Mapping[str, Any]] = {"vpc-cni": {"env": {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": "none"}}}


#: gives what it makes the tags that its configuration says (EBS CSI driver, "Tagging")
_OF_VOLUMES = "aws-ebs-csi-driver"


def same_version(want: str, have: str) -> bool:
    """Whether ``v1.20`` or ``v1.20.4`` names ``v1.20.4-eksbuild.1``."""
    return have == want or have.startswith((f"{want}.", f"{want}-"))


class Addon(InCluster):
    """An EKS add-on; the resource's name is the add-on's.

    ``version`` may be given in part, None leaves it to AWS once. ``configuration`` is the add-on's own configuration,
    ``role_arn`` the role that its pods take on, None for that of the nodes.
    Source: EKS API reference, CreateAddon and UpdateAddon.
    """

    kind = "eks.addon"
    what = "the EKS add-on"
    dies_with_host = True
    timeout, delete_timeout = 20 * MINUTE, 10 * MINUTE
    usual, usual_delete = 45.0, 30.0
    propagation = {"InvalidParameterException": (*NEW_ROLE, "CREATE_FAILED"), "InvalidRequestException": NEW_ROLE}

    # a call gives both as they are for this cluster: the version in full, and the tags of volumes in the configuration
    version: Input[str | None] = Input(shown="addonVersion", default=None)
    configuration: Input[Mapping[str, Any]] = Input(default={})
    role_arn: Input[str | None] = Input(api="serviceAccountRoleArn", from_api=lambda arn: arn or None, default=None)

    arn = Output[str]("addonArn")

    def differs(self, key: str, want: Any, have: Any) -> bool:
        """A version is compared to the precision given, and not at all when none is."""
        if key == "version":
            return isinstance(want, str) and not (isinstance(have, str) and same_version(want, have))
        return super().differs(key, want, have)

    def foreseen(self, cloud: Cloud) -> tuple[str, str]:
        kubernetes = getattr(self.lives_in, "version", "")
        if not kubernetes:
            return "", ""
        refused = not_offered(cloud, self.instance, self.version, kubernetes)
        if self.role_arn and not refused[0]:
            return unknown_principal(cloud, self.role_arn, _role_of(self.instance))
        lacks = not self.role_arn and self.instance not in _BY_NODES and _needs_role(cloud, self.instance, kubernetes)
        if refused[0] or not lacks:
            return refused
        return "", f"{self.instance} needs rights of its own: name a role that has them in {_role_of(self.instance)}."

    def own_name(self, cloud: Cloud) -> str:
        return self.instance

    @classmethod
    def described(cls, cloud: Cloud, host: Live, id: str) -> Any:
        return cloud.eks.describe_addon(clusterName=host.id, addonName=id)["addon"]

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        seen, ill = ADDON.of(item["status"]), health(ADDON_ISSUE, item.get("health", {}).get("issues", []))
        props = {**cls.props_of(item), "configuration": _as_given(item, cloud.ownership.whose)}
        outputs = {**cls.outputs_of(item), "version": props["version"]}
        return seen.live(item["addonName"], props, outputs, made=outputs["arn"], **ill.told(seen))

    @classmethod
    def ids(cls, cloud: Cloud, host: Live) -> Iterable[str]:
        return cloud.eks.pages("list_addons", "addons", clusterName=host.id)

    def create(self, cloud: Cloud, token: str) -> str:
        configuration = self._configured(cloud)
        values = {"configurationValues": _text(configuration)} if configuration else {}
        with in_use_means_conflict(f"the EKS add-on {self.instance} exists already"):
            cloud.eks.create_addon(
                clientRequestToken=token, tags=cloud.ownership.tags(self.address), **self._request(cloud), **values
            )
        return self.instance

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """All in one call: a role that is left out is taken away."""
        cloud.eks.update_addon(**self._request(cloud), configurationValues=_text(self._configured(cloud)))

    def _request(self, cloud: Cloud) -> dict[str, Any]:
        version = {"addonVersion": self._full_version(cloud, self.version)} if self.version else {}
        names = {"clusterName": self.cluster, "addonName": self.instance}
        return {**names, "resolveConflicts": "OVERWRITE", **version, **self.arguments()}

    def _configured(self, cloud: Cloud) -> Mapping[str, Any]:
        """Its configuration; volumes are created with our tags, by which `down` knows them."""
        if self.instance != _OF_VOLUMES:
            return self.configuration
        controller = dict(self.configuration.get("controller") or {})
        controller["extraVolumeTags"] = {**(controller.get("extraVolumeTags") or {}), **cloud.ownership.whose}
        return {**self.configuration, "controller": controller}

    def _full_version(self, cloud: Cloud, given: str) -> str:
        """The newest version that AWS offers for this cluster within what was given."""
        kubernetes = str(self.its_host.outputs["version"])
        fitting = [one for one in offered(cloud, self.instance, kubernetes) if same_version(given, one)]
        if not fitting:
            said, remedy = not_offered(cloud, self.instance, given, kubernetes)
            raise ResourceError(said, address=self.address, hint=remedy)
        return max(fitting, key=_order)

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.eks.delete_addon(clusterName=self.cluster, addonName=live.id, preserve=False)

    def diagnose(self, cloud: Cloud, live: Live | None) -> tuple[str, str]:
        return cause_and_remedy(live)


def _role_of(name: str) -> str:
    return f"cluster.addons.{name}.role"


def _needs_role(cloud: Cloud, name: str, kubernetes: str) -> bool:
    """Whether AWS says that its pods need rights (EKS API reference, AddonVersionInfo)."""
    found = cloud.eks.pages("describe_addon_versions", "addons", addonName=name, kubernetesVersion=kubernetes)
    return any(item.get("requiresIamPermissions") for addon in found for item in addon.get("addonVersions", []))


def offered(cloud: Cloud, name: str, kubernetes: str) -> list[str]:
    """The versions of an add-on that AWS offers for a Kubernetes version, newest first; [] for none."""
    found = cloud.eks.pages("describe_addon_versions", "addons", addonName=name, kubernetesVersion=kubernetes)
    versions = [str(item["addonVersion"]) for addon in found for item in addon.get("addonVersions", [])]
    return sorted(versions, key=_order, reverse=True)


def not_offered(cloud: Cloud, name: str, version: str | None, kubernetes: str) -> tuple[str, str]:
    """(why there is no such add-on, what to do), ("", "") for one that there is.

    ``version`` may be given in part, or left to AWS. Source: EKS API reference, DescribeAddonVersions.
    """
    versions = offered(cloud, name, kubernetes)
    if not versions:
        every = cloud.eks.pages("describe_addon_versions", "addons", kubernetesVersion=kubernetes)
        names = sorted({str(one["addonName"]) for one in every})
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]}? cluster.addons takes" if near else "cluster.addons takes"
        return f"EKS has no add-on {name} for Kubernetes {kubernetes}", f"{remedy} {', '.join(names)}"
    if version is not None and not any(same_version(version, one) for one in versions):
        said = f"the add-on {name} has no version {version} for Kubernetes {kubernetes}"
        return said, f"set cluster.addons.{name}.version to one of {', '.join(versions[:_MOST])}, or leave it out"
    return "", ""


def _order(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _text(configuration: Mapping[str, Any]) -> str:
    return json.dumps(configuration, sort_keys=True)


def _configuration(text: str) -> Any:
    """The values of an add-on, which EKS takes as JSON or as YAML; what is neither is told as the text that it is."""
    try:
        found = yaml.safe_load(text)
        return json.loads(json.dumps(found, default=str)) if isinstance(found, dict) else text
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return text


def _as_given(addon: Mapping[str, Any], own_tags: Mapping[str, str]) -> Any:
    """The configuration without the tags that volumes are created with."""
    found = _configuration(addon.get("configurationValues") or "{}")
    theirs = found.get("controller") if addon["addonName"] == _OF_VOLUMES and isinstance(found, dict) else None
    if not isinstance(theirs, dict) or not isinstance(theirs.get("extraVolumeTags"), dict):
        return found
    controller = dict(theirs)
    tags = {key: value for key, value in controller.pop("extraVolumeTags").items() if own_tags.get(key) != value}
    controller |= {"extraVolumeTags": tags} if tags else {}
    rest = {key: value for key, value in found.items() if key != "controller"}
    return rest | ({"controller": controller} if controller else {})
