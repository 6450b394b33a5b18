"""Lists as tables, which kubectl asks for.

Source: Kubernetes API concepts, "Receiving resources as Tables", and the columns of kubectl's reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj

_Cell = Callable[[Obj], Any]
_UNITS = (("d", 86400), ("h", 3600), ("m", 60))
_NONE = "<none>"


def wanted(accept: str) -> bool:
    """Whether the caller would rather have a table."""
    first = accept.split(",")[0].replace(" ", "")
    return "as=Table" in first and "v=v1;" in f"{first};"


def table(kind: Kind, answer: Obj, include: str = "Metadata", *, heading: bool = True) -> Obj:
    """A list, or one object, as a ``Table``; ``include`` says how much of each object goes along."""
    items: list[Obj] = answer.get("items", [answer])
    columns = [("Name", 0, _name), *_COLUMNS.get(kind.plural, ()), ("Age", 0, _age)]
    if kind.plural == "events":
        columns = list(_COLUMNS[kind.plural])
    made: Obj = {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(answer.get("metadata", {}).get("resourceVersion", ""))},
        "columnDefinitions": [
            {
                "name": name,
                "type": "string",
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": priority,
            }
            for name, priority, _ in columns
        ],
        "rows": [
            {"cells": [cell(item) for _, _, cell in columns], "object": _part(kind, item, include)} for item in items
        ],
    }
    if not heading:
        made["columnDefinitions"] = []
    return made


def _part(kind: Kind, item: Obj, include: str) -> Obj | None:
    if include == "None":
        return None
    if include == "Object":
        return {**item, "kind": kind.kind, "apiVersion": kind.api_version}
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


# ---- cells


def _name(item: Obj) -> str:
    return str(item["metadata"]["name"])


def _age(item: Obj) -> str:
    return age(item["metadata"].get("creationTimestamp"))


def age(stamp: str | None, now: datetime | None = None) -> str:
    """``46s``, ``5m``, ``3h``, ``2d`` since an RFC 3339 time."""
    if not stamp:
        return "<unknown>"
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(stamp.replace("Z", "+00:00"))).total_seconds()
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(int(seconds), 0)}s"


def _at(*path: str, default: Any = _NONE) -> _Cell:
    def cell(item: Obj) -> Any:
        found: Any = item
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return default if found is None or found == "" else found

    return cell


def _count(*path: str) -> _Cell:
    found = _at(*path, default=[])
    return lambda item: str(len(found(item)))


def _of(ready: _Cell, all_: _Cell) -> _Cell:
    return lambda item: f"{ready(item)}/{all_(item)}"


def _listed(items: Iterator[str]) -> str:
    return ",".join(items) or _NONE


def _restarts(item: Obj) -> str:
    return str(sum(one.get("restartCount", 0) for one in item.get("status", {}).get("containerStatuses") or []))


def _pod_ready(item: Obj) -> str:
    told = item.get("status", {}).get("containerStatuses") or []
    return f"{sum(bool(one.get('ready')) for one in told)}/{len(item['spec'].get('containers') or [])}"


def _pod_status(item: Obj) -> str:
    if item["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(item.get("status", {}).get("phase") or "Pending")


def _node_status(item: Obj) -> str:
    conditions = {one["type"]: one["status"] for one in item.get("status", {}).get("conditions") or []}
    said = "Ready" if conditions.get("Ready") == "True" else "NotReady"
    return f"{said},SchedulingDisabled" if item.get("spec", {}).get("unschedulable") else said


def _address(type: str) -> _Cell:
    def cell(item: Obj) -> str:
        told = item.get("status", {}).get("addresses") or []
        return next((one["address"] for one in told if one["type"] == type), _NONE)

    return cell


def _outside(item: Obj) -> str:
    told = item.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    shown = _listed(one.get("hostname") or one.get("ip", "") for one in told)
    return "<pending>" if shown == _NONE and item["spec"].get("type") == "LoadBalancer" else shown


def _service_ports(item: Obj) -> str:
    return _listed(
        f"{one['port']}{':' + str(one['nodePort']) if one.get('nodePort') else ''}/{one.get('protocol', 'TCP')}"
        for one in item["spec"].get("ports") or []
    )


def _hosts(item: Obj) -> str:
    return _listed(rule.get("host", "*") for rule in item["spec"].get("rules") or [])


def _ingress_address(item: Obj) -> str:
    told = item.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return ",".join(one.get("hostname") or one.get("ip", "") for one in told)


def _endpoints(item: Obj) -> str:
    return _listed(
        f"{address['ip']}:{port['port']}"
        for subset in item.get("subsets") or []
        for address in subset.get("addresses") or []
        for port in subset.get("ports") or [{"port": ""}]
    )


def _about(item: Obj) -> str:
    about = item.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


_READY_REPLICAS = _of(_at("status", "readyReplicas", default=0), _at("spec", "replicas", default=1))

#: plural → columns between name and age: title, priority (1: only with -o wide), cell
_COLUMNS: dict[str, tuple[tuple[str, int, _Cell], ...]] = {
    "pods": (
        ("Ready", 0, _pod_ready),
        ("Status", 0, _pod_status),
        ("Restarts", 0, _restarts),
    ),
    "nodes": (
        ("Status", 0, _node_status),
        ("Roles", 0, lambda _: _NONE),
        ("Version", 0, _at("status", "nodeInfo", "kubeletVersion")),
        ("Internal-IP", 1, _address("InternalIP")),
        ("External-IP", 1, _address("ExternalIP")),
    ),
    "deployments": (
        ("Ready", 0, _READY_REPLICAS),
        ("Up-to-date", 0, _at("status", "updatedReplicas", default=0)),
        ("Available", 0, _at("status", "availableReplicas", default=0)),
    ),
    "replicasets": (
        ("Desired", 0, _at("spec", "replicas", default=1)),
        ("Current", 0, _at("status", "replicas", default=0)),
        ("Ready", 0, _at("status", "readyReplicas", default=0)),
    ),
    "statefulsets": (("Ready", 0, _READY_REPLICAS),),
    "daemonsets": (
        ("Desired", 0, _at("status", "desiredNumberScheduled", default=0)),
        ("Current", 0, _at("status", "currentNumberScheduled", default=0)),
        ("Ready", 0, _at("status", "numberReady", default=0)),
    ),
    "services": (
        ("Type", 0, _at("spec", "type", default="ClusterIP")),
        ("Cluster-IP", 0, _at("spec", "clusterIP")),
        ("External-IP", 0, _outside),
        ("Port(s)", 0, _service_ports),
    ),
    "ingresses": (
        ("Class", 0, _at("spec", "ingressClassName")),
        ("Hosts", 0, _hosts),
        ("Address", 0, _ingress_address),
        ("Ports", 0, lambda item: "80, 443" if item["spec"].get("tls") else "80"),
    ),
    "endpoints": (("Endpoints", 0, _endpoints),),
    "namespaces": (("Status", 0, _at("status", "phase", default="Active")),),
    "configmaps": (("Data", 0, _count("data")),),
    "secrets": (("Type", 0, _at("type", default="Opaque")), ("Data", 0, _count("data"))),
    "persistentvolumeclaims": (("Status", 0, _at("status", "phase", default="Pending")),),
    "horizontalpodautoscalers": (
        ("MinPods", 0, _at("spec", "minReplicas", default=1)),
        ("MaxPods", 0, _at("spec", "maxReplicas")),
        ("Replicas", 0, _at("status", "currentReplicas", default=0)),
    ),
    "poddisruptionbudgets": (
        ("Min Available", 0, _at("spec", "minAvailable", default="N/A")),
        ("Max Unavailable", 0, _at("spec", "maxUnavailable", default="N/A")),
    ),
    "ingressclasses": (("Controller", 0, _at("spec", "controller")),),
    "events": (
        ("Last Seen", 0, lambda item: age(item.get("lastTimestamp") or item.get("eventTime"))),
        ("Type", 0, _at("type")),
        ("Reason", 0, _at("reason")),
        ("Object", 0, _about),
        ("Message", 0, _at("message")),
    ),
}
