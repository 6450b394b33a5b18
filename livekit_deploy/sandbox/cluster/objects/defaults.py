"""Default values and validation of the API server, for the kinds that charts use."""

from __future__ import annotations

import base64
from collections.abc import Callable

from livekit_deploy.sandbox.cluster.objects.errors import invalid
from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj

_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_POD = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
}


def fold_string_data(item: Obj) -> None:
    """A Secret's ``stringData`` becomes ``data``."""
    for name, text in (item.pop("stringData", None) or {}).items():
        item.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()


class Defaults:
    """Fills in and validates; remembers which node ports and cluster addresses are taken."""

    def __init__(self) -> None:
        self._port, self._address = 30000, 0
        workload = self._workload
        self._by_kind: dict[str, Callable[[Kind, Obj, Obj | None], None]] = {
            "secrets": self._secret,
            "namespaces": self._namespace,
            "services": self._service,
            "deployments": workload,
            "replicasets": workload,
            "statefulsets": workload,
            "daemonsets": workload,
            "pods": self._own_pod,
            "poddisruptionbudgets": self._budget,
            "jobs": self._job,
            "ingresses": self._ingress,
            "mutatingwebhookconfigurations": self._webhooks,
            "validatingwebhookconfigurations": self._webhooks,
            "customresourcedefinitions": self._definition,
        }

    def apply(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        """Complete ``item`` in place; ``old`` is what it replaces. Raises `ApiError` 422 for what is not valid."""
        fill = None if kind.custom else self._by_kind.get(kind.plural)
        if fill is not None:
            fill(kind, item, old)

    def _secret(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        fold_string_data(item)
        item.setdefault("type", "Opaque")

    def _namespace(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        if old is None:
            item["spec"], item["status"] = {"finalizers": ["kubernetes"]}, {"phase": "Active"}
        metadata = item["metadata"]
        metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}

    def _service(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        spec, before = item.setdefault("spec", {}), (old or {}).get("spec") or {}
        shape = spec.setdefault("type", "ClusterIP")
        spec.setdefault("sessionAffinity", "None")
        spec.setdefault("internalTrafficPolicy", "Cluster")
        if shape != "ExternalName":
            spec.setdefault("clusterIP", before.get("clusterIP") or self._next_address())
            spec.setdefault("clusterIPs", [spec["clusterIP"]])
            spec.setdefault("ipFamilies", ["IPv4"])
            spec.setdefault("ipFamilyPolicy", "SingleStack")
        outside = shape in ("NodePort", "LoadBalancer")
        if outside:
            spec.setdefault("externalTrafficPolicy", "Cluster")
        if shape == "LoadBalancer":
            spec.setdefault("allocateLoadBalancerNodePorts", True)
        for port in spec.get("ports") or []:
            port.setdefault("protocol", "TCP")
            port.setdefault("targetPort", port["port"])
            if outside and "nodePort" not in port:
                port["nodePort"] = self._node_port(port, before)

    def _next_address(self) -> str:
        self._address += 1
        return f"172.20.{self._address // 250}.{self._address % 250 + 1}"

    def _node_port(self, port: Obj, before: Obj) -> int:
        for other in before.get("ports") or []:
            if (other["port"], other["protocol"]) == (port["port"], port["protocol"]) and other.get("nodePort"):
                return int(other["nodePort"])
        self._port += 1
        return self._port

    def _workload(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        spec = item.setdefault("spec", {})
        _check_workload(kind, item, spec, old)
        if kind.plural != "daemonsets" and spec.get("replicas") is None:
            spec["replicas"] = 1
        if kind.plural == "deployments":
            spec.setdefault("revisionHistoryLimit", 10)
            spec.setdefault("progressDeadlineSeconds", 600)
            strategy = spec.setdefault("strategy", {})
            if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
                rolling = strategy.setdefault("rollingUpdate", {})
                rolling.setdefault("maxSurge", "25%")
                rolling.setdefault("maxUnavailable", "25%")
        _pod(spec["template"]["spec"])

    def _own_pod(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        _pod(item["spec"])
        if old is None:
            item["status"] = {"phase": "Pending"}

    def _budget(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        if old is None:
            counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
            item["status"] = dict.fromkeys(counts, 0)

    def _job(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        spec = item["spec"]
        spec.setdefault("backoffLimit", 6)
        spec.setdefault("completions", 1)
        spec.setdefault("parallelism", 1)
        _pod(spec["template"]["spec"])

    def _ingress(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        spec = item.get("spec") or {}
        if not spec.get("rules") and not spec.get("defaultBackend"):
            raise invalid("Ingress", item["metadata"]["name"], "spec", "either `defaultBackend` or `rules` is required")

    def _webhooks(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        for hook in item.get("webhooks") or []:
            hook.setdefault("failurePolicy", "Fail")
            hook.setdefault("timeoutSeconds", 10)
            hook.setdefault("matchPolicy", "Equivalent")
            hook.setdefault("namespaceSelector", {})
            hook.setdefault("objectSelector", {})
            if kind.plural.startswith("mutating"):
                hook.setdefault("reinvocationPolicy", "Never")
            for rule in hook.get("rules") or []:
                rule.setdefault("scope", "*")

    def _definition(self, kind: Kind, item: Obj, old: Obj | None) -> None:
        names = item["spec"]["names"]
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
        item["spec"].setdefault("conversion", {"strategy": "None"})
        if old is None:
            stored = [one["name"] for one in item["spec"]["versions"] if one.get("storage")]
            item["status"] = {
                "conditions": None,
                "acceptedNames": {"plural": "", "kind": ""},
                "storedVersions": stored,
            }


def _check_workload(kind: Kind, item: Obj, spec: Obj, old: Obj | None) -> None:
    name = item["metadata"].get("name", "")
    template = spec.get("template") or {}
    if not spec.get("selector"):
        raise invalid(kind.kind, name, "spec.selector", "Required value")
    labels = (template.get("metadata") or {}).get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec["selector"].get("matchLabels") or {}).items()):
        raise invalid(
            kind.kind,
            name,
            "spec.template.metadata.labels",
            f"Invalid value: {labels}: `selector` does not match template `labels`",
        )
    if old is not None and old["spec"].get("selector") != spec["selector"]:
        raise invalid(kind.kind, name, "spec.selector", "Invalid value: field is immutable")
    if not (template.get("spec") or {}).get("containers"):
        raise invalid(kind.kind, name, "spec.template.spec.containers", "Required value")


def _pod(spec: Obj) -> None:
    for key, value in _POD.items():
        spec.setdefault(key, value)
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    for container in (*(spec.get("containers") or []), *(spec.get("initContainers") or [])):
        _container(container, on_host=bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes") or []:
        for source in ("secret", "configMap"):
            if volume.get(source):
                volume[source].setdefault("defaultMode", 420)


def _container(container: Obj, *, on_host: bool) -> None:
    image = str(container.get("image", ""))
    newest = ":" not in image or image.endswith(":latest")
    container.setdefault("imagePullPolicy", "Always" if newest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if container.get("resources") is None:
        container["resources"] = {}
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if on_host:
            port.setdefault("hostPort", port["containerPort"])
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe):
            for key, value in _PROBE.items():
                container[probe].setdefault(key, value)
            if container[probe].get("httpGet"):
                container[probe]["httpGet"].setdefault("scheme", "HTTP")
