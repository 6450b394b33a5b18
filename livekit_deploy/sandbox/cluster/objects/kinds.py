"""The built-in kinds of the API with their discovery data, and those of custom resource definitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Obj = dict[str, Any]
"""A Kubernetes object."""

_STATUS = ("status",)
_SCALABLE = ("status", "scale")
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

#: group/version → (plural, kind, namespaced, subresources, short names)
_BUILT_IN: dict[str, tuple[tuple[str, str, bool, tuple[str, ...], tuple[str, ...]], ...]] = {
    "v1": (
        ("namespaces", "Namespace", False, _STATUS, ("ns",)),
        ("nodes", "Node", False, _STATUS, ("no",)),
        ("persistentvolumes", "PersistentVolume", False, _STATUS, ("pv",)),
        ("pods", "Pod", True, ("status", "log", "eviction"), ("po",)),
        ("services", "Service", True, _STATUS, ("svc",)),
        ("endpoints", "Endpoints", True, (), ("ep",)),
        ("configmaps", "ConfigMap", True, (), ("cm",)),
        ("secrets", "Secret", True, (), ()),
        ("serviceaccounts", "ServiceAccount", True, ("token",), ("sa",)),
        ("events", "Event", True, (), ("ev",)),
        ("limitranges", "LimitRange", True, (), ("limits",)),
        ("resourcequotas", "ResourceQuota", True, _STATUS, ("quota",)),
        ("persistentvolumeclaims", "PersistentVolumeClaim", True, _STATUS, ("pvc",)),
        ("replicationcontrollers", "ReplicationController", True, _SCALABLE, ("rc",)),
        ("componentstatuses", "ComponentStatus", False, (), ("cs",)),
    ),
    "apps/v1": (
        ("deployments", "Deployment", True, _SCALABLE, ("deploy",)),
        ("replicasets", "ReplicaSet", True, _SCALABLE, ("rs",)),
        ("statefulsets", "StatefulSet", True, _SCALABLE, ("sts",)),
        ("daemonsets", "DaemonSet", True, _STATUS, ("ds",)),
    ),
    "batch/v1": (
        ("jobs", "Job", True, _STATUS, ()),
        ("cronjobs", "CronJob", True, _STATUS, ("cj",)),
    ),
    "autoscaling/v2": (("horizontalpodautoscalers", "HorizontalPodAutoscaler", True, _STATUS, ("hpa",)),),
    "policy/v1": (("poddisruptionbudgets", "PodDisruptionBudget", True, _STATUS, ("pdb",)),),
    "networking.k8s.io/v1": (
        ("ingresses", "Ingress", True, _STATUS, ("ing",)),
        ("ingressclasses", "IngressClass", False, (), ()),
        ("networkpolicies", "NetworkPolicy", True, (), ("netpol",)),
    ),
    "discovery.k8s.io/v1": (("endpointslices", "EndpointSlice", True, (), ()),),
    "coordination.k8s.io/v1": (("leases", "Lease", True, (), ()),),
    "scheduling.k8s.io/v1": (("priorityclasses", "PriorityClass", False, (), ("pc",)),),
    "storage.k8s.io/v1": (("storageclasses", "StorageClass", False, (), ("sc",)),),
    "rbac.authorization.k8s.io/v1": (
        ("clusterroles", "ClusterRole", False, (), ()),
        ("clusterrolebindings", "ClusterRoleBinding", False, (), ()),
        ("roles", "Role", True, (), ()),
        ("rolebindings", "RoleBinding", True, (), ()),
    ),
    "admissionregistration.k8s.io/v1": (
        ("mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False, (), ()),
        ("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", False, (), ()),
    ),
    "apiextensions.k8s.io/v1": (
        ("customresourcedefinitions", "CustomResourceDefinition", False, _STATUS, ("crd", "crds")),
    ),
}


#: what the API server warns of in every answer about a kind (Kubernetes, "Deprecated API Migration Guide")
_DEPRECATED = {
    ("", "v1", "Endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ("", "v1", "ComponentStatus"): "v1 ComponentStatus is deprecated in v1.19+",
}
#: what is computed whenever it is asked for, and cannot be changed
_COMPUTED = {"componentstatuses": ("get", "list")}


@dataclass(frozen=True)
class Kind:
    """One served resource type of one version. ``model`` names its class in the Kubernetes client, "" for none.

    ``deprecation`` is what its users are warned of.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    subresources: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    singular: str = ""
    model: str = ""
    custom: bool = field(default=False)
    deprecation: str = ""
    verbs: tuple[str, ...] = VERBS

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def storage(self) -> tuple[str, str]:
        """Where its objects are kept: all versions share them."""
        return self.group, self.plural

    @property
    def qualified(self) -> str:
        """``deployments.apps``, as errors name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def built_in() -> list[Kind]:
    """Every kind that a cluster has from the start."""
    found = []
    for api_version, rows in _BUILT_IN.items():
        group, _, version = api_version.rpartition("/")
        for plural, kind, namespaced, subresources, short in rows:
            model = "CoreV1Event" if kind == "Event" else f"{version.upper()}{kind}"
            found.append(
                Kind(
                    group,
                    version,
                    plural,
                    kind,
                    namespaced,
                    subresources,
                    short,
                    kind.lower(),
                    model,
                    deprecation=_DEPRECATED.get((group, version, kind), ""),
                    verbs=_COMPUTED.get(plural, VERBS),
                )
            )
    return found


def defined(definition: dict[str, Any]) -> list[Kind]:
    """The kinds that a custom resource definition adds: one for each version that is served."""
    spec = definition["spec"]
    names = spec["names"]
    return [
        Kind(
            spec["group"],
            version["name"],
            names["plural"],
            names["kind"],
            spec["scope"] == "Namespaced",
            tuple(version.get("subresources") or {}),
            tuple(names.get("shortNames") or ()),
            names.get("singular", names["kind"].lower()),
            custom=True,
            deprecation=_deprecation(spec, version),
        )
        for version in spec["versions"]
        if version.get("served")
    ]


def _deprecation(spec: dict[str, Any], version: dict[str, Any]) -> str:
    said = f"{spec['group']}/{version['name']} {spec['names']['kind']} is deprecated"
    return str(version.get("deprecationWarning") or said) if version.get("deprecated") else ""


def untyped(item: dict[str, Any]) -> dict[str, Any]:
    """An object without its ``kind`` and ``apiVersion``."""
    return {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
