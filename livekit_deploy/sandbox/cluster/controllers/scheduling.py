"""Nodes that follow the cloud, and the scheduler: which node a pod may run on, or why none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.objects.selectors import selected
from livekit_deploy.sandbox.cluster.port import NodeSpec
from livekit_deploy.sandbox.cluster.store.events import SCHEDULER
from livekit_deploy.sandbox.cluster.world import MANAGER, Obj, World, condition, labels_of, leaving, name_of

_HOSTNAME, _ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def run(world: World) -> None:
    """Let nodes come and go, and bind what waits."""
    join(world)
    nodes = world.items("nodes")
    for pod in world.items("pods"):
        if not pod["spec"].get("nodeName") and not leaving(pod):
            _bind(world, pod, nodes)


# ---- nodes


def join(world: World) -> None:
    """A node for each instance, none for those that are gone."""
    kind, wanted = world.store.named("nodes"), {spec.name: spec for spec in world.nodes}
    for node in world.items("nodes"):
        name = node["metadata"]["name"]
        # a new instance may have the address, and so the name, of one that is gone
        if name not in wanted or node["spec"]["providerID"] != _provider_id(wanted[name]):
            world.store.delete(kind, node)
            for pod in world.items("pods"):
                if pod["spec"].get("nodeName") == name:
                    world.store.finish(world.store.named("pods"), pod)
    for name, spec in wanted.items():
        if world.store.find(kind, None, name) is None:
            made = world.store.create(kind, None, _node(spec), "kubelet")
            world.status(kind, made, _node_status(spec))
            said = f"Node {name} event: Registered Node {name} in Controller"
            world.tell(made, "RegisteredNode", said, source="node-controller")


def _provider_id(spec: NodeSpec) -> str:
    return f"aws:///{spec.zone}/{spec.instance_id}"


def _node(spec: NodeSpec) -> Obj:
    labels = {
        _HOSTNAME: spec.name,
        _ZONE: spec.zone,
        "topology.kubernetes.io/region": spec.zone[:-1],
        "node.kubernetes.io/instance-type": spec.instance_type,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        **spec.labels,
    }
    taints = [dict(taint) for taint in spec.taints]
    body: Obj = {"providerID": _provider_id(spec)}
    return {"metadata": {"name": spec.name, "labels": labels}, "spec": body | ({"taints": taints} if taints else {})}


def _node_status(spec: NodeSpec) -> Obj:
    addresses = [{"type": "InternalIP", "address": spec.internal_ip}, {"type": "Hostname", "address": spec.name}]
    if spec.external_ip:
        addresses.append({"type": "ExternalIP", "address": spec.external_ip})
    size = {"cpu": str(spec.cpus), "memory": f"{spec.memory_gib}Gi", "pods": "58"}
    return {
        "addresses": addresses,
        "capacity": size,
        "allocatable": size,
        "conditions": [condition("Ready", True, "KubeletReady", "kubelet is posting ready status")],
        "nodeInfo": {
            "kubeletVersion": "v1.36.0-eks-sandbox",
            "osImage": "Amazon Linux 2023",
            "kernelVersion": "6.12.0",
            "containerRuntimeVersion": "containerd://2.1.0",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


# ---- scheduling


def _bind(world: World, pod: Obj, nodes: list[Obj]) -> None:
    pods = [one for one in world.items("pods") if one["spec"].get("nodeName")]
    whys = {node["metadata"]["name"]: _refusal(pod, node, nodes, pods) for node in nodes}
    fitting = {node["metadata"]["name"]: node for node in nodes if whys[node["metadata"]["name"]] is None}
    reasons = [why for why in whys.values() if why is not None]
    kind = world.store.named("pods")
    if not fitting:
        _unschedulable(world, pod, len(nodes), reasons)
        return
    load = Counter(one["spec"]["nodeName"] for one in pods)
    new = copied(pod)
    new["spec"]["nodeName"] = min((-_liked(pod["spec"], node), load[name], name) for name, node in fitting.items())[2]
    bound = world.store.replace(kind, pod, new, MANAGER)
    conditions = [condition("PodScheduled", True, "Scheduled"), condition("Ready", False, "ContainersNotReady")]
    world.status(kind, bound, {"phase": "Pending", "conditions": conditions})
    where = f"{'/'.join(name_of(pod))} to {new['spec']['nodeName']}"
    world.tell(bound, "Scheduled", f"Successfully assigned {where}", source=SCHEDULER)


def _unschedulable(world: World, pod: Obj, nodes: int, reasons: list[str]) -> None:
    counts = ", ".join(f"{reasons.count(why)} {why}" for why in sorted(set(reasons)))
    said = f"0/{nodes} nodes are available" + (f": {counts}." if counts else ".")
    before = (pod.get("status") or {}).get("conditions")
    failed = condition("PodScheduled", False, "Unschedulable", said, before)
    world.status(world.store.named("pods"), pod, {"phase": "Pending", "conditions": [failed]})
    world.tell(pod, "FailedScheduling", said, source=SCHEDULER, warning=True)


def _refusal(pod: Obj, node: Obj, nodes: list[Obj], pods: list[Obj]) -> str | None:
    """Why the pod may not run on the node; None when it may."""
    spec, name = pod["spec"], node["metadata"]["name"]
    if node["spec"].get("unschedulable"):
        return "node(s) were unschedulable"
    if not _wanted(spec, node):
        return "node(s) didn't match Pod's node affinity/selector"
    if any(not _tolerated(spec, taint) for taint in node["spec"].get("taints") or []):
        return "node(s) had untolerated taint(s)"
    here = [one for one in pods if one["spec"]["nodeName"] == name]
    if _ports(pod) & {port for one in here for port in _ports(one)}:
        return "node(s) didn't have free ports for the requested pod ports"
    if _repelled(pod, node, nodes, pods):
        return "node(s) didn't match pod anti-affinity rules"
    if _skewed(pod, node, nodes, pods):
        return "node(s) didn't match pod topology spread constraints"
    return None


def _wanted(spec: Obj, node: Obj) -> bool:
    labels = labels_of(node)
    return (spec.get("nodeSelector") or {}).items() <= labels.items() and _affine(spec, labels)


def _affine(spec: Obj, labels: dict[str, str]) -> bool:
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    terms = (required or {}).get("nodeSelectorTerms") or []
    return not terms or any(selected({"matchExpressions": term.get("matchExpressions")}, labels) for term in terms)


def _liked(spec: Obj, node: Obj) -> int:
    """The weight of what the pod prefers of a node and this one has."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or []
    return sum(int(one["weight"]) for one in terms if selected(one["preference"], labels_of(node)))


def _tolerated(spec: Obj, taint: Obj) -> bool:
    if taint.get("effect") == "PreferNoSchedule":
        return True
    for one in spec.get("tolerations") or []:
        same_key = one.get("key") in (None, taint["key"])
        same_value = one.get("operator") == "Exists" or one.get("value") == taint.get("value")
        if same_key and same_value and one.get("effect") in (None, "", taint.get("effect")):
            return True
    return False


def _ports(pod: Obj) -> set[tuple[str, int]]:
    """The ports of its node that it takes."""
    return {
        (port["protocol"], port["hostPort"])
        for container in pod["spec"]["containers"]
        for port in container.get("ports") or []
        if port.get("hostPort")
    }


def _repelled(pod: Obj, node: Obj, nodes: list[Obj], pods: list[Obj]) -> bool:
    rules = ((pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or []
    where = {one["metadata"]["name"]: labels_of(one) for one in nodes}
    for rule in rules:
        domain = labels_of(node).get(rule["topologyKey"])
        for other in _alike(pod, rule.get("labelSelector"), pods):
            if where.get(other["spec"]["nodeName"], {}).get(rule["topologyKey"]) == domain:
                return True
    return False


def _alike(pod: Obj, selector: Any, pods: list[Obj]) -> Iterator[Obj]:
    for other in pods:
        if name_of(other)[0] == name_of(pod)[0] and selected(selector, labels_of(other)):
            yield other


def _skewed(pod: Obj, node: Obj, nodes: list[Obj], pods: list[Obj]) -> bool:
    """Whether one more here would exceed a spread that must be kept."""
    for rule in pod["spec"].get("topologySpreadConstraints") or []:
        if rule.get("whenUnsatisfiable", "DoNotSchedule") != "DoNotSchedule":
            continue
        key = rule["topologyKey"]
        counted = [one for one in nodes if key in labels_of(one) and _counts(pod, rule, one)]
        domains = {labels_of(one)[key]: 0 for one in counted}
        where = {one["metadata"]["name"]: labels_of(one).get(key) for one in counted}
        for other in _alike(pod, _same(pod, rule), [one for one in pods if not leaving(one)]):
            domain = where.get(other["spec"]["nodeName"])
            if domain in domains:
                domains[domain] += 1
        here = labels_of(node).get(key)
        if here not in domains or domains[here] + 1 - min(domains.values()) > int(rule["maxSkew"]):
            return True
    return False


def _same(pod: Obj, rule: Obj) -> Obj:
    """The selector of a spread, narrowed to pods that share the values of its keys, as those of one revision do."""
    given = rule.get("labelSelector") or {}
    own = {key: labels_of(pod)[key] for key in rule.get("matchLabelKeys") or () if key in labels_of(pod)}
    return {**given, "matchLabels": {**(given.get("matchLabels") or {}), **own}}


def _counts(pod: Obj, rule: Obj, node: Obj) -> bool:
    """Whether a node is a place that a spread has in mind: the pod may be there by its labels and, where the rule
    says so, by its taints, of which one is that it is closed."""
    if rule.get("nodeAffinityPolicy", "Honor") == "Honor" and not _wanted(pod["spec"], node):
        return False
    if rule.get("nodeTaintsPolicy", "Ignore") == "Ignore":
        return True
    taints = node["spec"].get("taints") or []
    return not node["spec"].get("unschedulable") and all(_tolerated(pod["spec"], taint) for taint in taints)
