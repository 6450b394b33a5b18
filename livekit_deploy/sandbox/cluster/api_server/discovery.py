"""Discovery: versions, groups, resources, and as much OpenAPI as helm and kubectl need."""

from __future__ import annotations

import re

from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj

#: what `kubectl get all` means
_ALL = (
    "pods", "services", "deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs",
    "horizontalpodautoscalers", "replicationcontrollers",
)  # fmt: skip
#: subresource → the kind that it takes and gives, where that is not the kind's own
_SUBRESOURCES: dict[str, Obj] = {
    "scale": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
    "eviction": {"group": "policy", "version": "v1", "kind": "Eviction"},
    "token": {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"},
}
_SUBRESOURCE_VERBS = {"eviction": ["create"], "token": ["create"], "log": ["get"]}


def version(kubernetes: str) -> Obj:
    """``/version``; ``kubernetes`` is ``1.36``."""
    major, minor = kubernetes.split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{kubernetes}.0-eks-sandbox",
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.26",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def groups(kinds: list[Kind]) -> dict[str, list[str]]:
    """group → versions, stable and newer ones first."""
    found: dict[str, list[str]] = {}
    for kind in kinds:
        versions = found.setdefault(kind.group, [])
        if kind.version not in versions:
            versions.append(kind.version)
    return {group: sorted(versions, key=_rank) for group, versions in found.items()}


def _rank(version: str) -> tuple[bool, list[int]]:
    return bool(re.search("alpha|beta", version)), [-int(part) for part in re.findall(r"\d+", version)]


def aggregated(kinds: list[Kind], *, core: bool) -> Obj:
    """The aggregated discovery document of ``/api`` or ``/apis`` (apidiscovery.k8s.io/v2)."""
    items = []
    for group, versions in groups(kinds).items():
        if (group == "") != core:
            continue
        served = [
            {
                "version": one,
                "freshness": "Current",
                "resources": [_aggregated(kind) for kind in kinds if (kind.group, kind.version) == (group, one)],
            }
            for one in versions
        ]
        metadata = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
        items.append({"metadata": metadata, "versions": served})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated(kind: Kind) -> Obj:
    own = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    found: Obj = {
        "resource": kind.plural,
        "responseKind": own,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        found["shortNames"] = list(kind.short)
    if kind.plural in _ALL and not kind.custom:
        found["categories"] = ["all"]
    if kind.subresources:
        found["subresources"] = [
            {"subresource": sub, "responseKind": _SUBRESOURCES.get(sub, own), "verbs": _verbs(sub)}
            for sub in kind.subresources
        ]
    return found


def _verbs(sub: str) -> list[str]:
    return _SUBRESOURCE_VERBS.get(sub, ["get", "patch", "update"])


def group(name: str, versions: list[str]) -> Obj:
    """One group as ``/apis`` lists it."""
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": served, "preferredVersion": served[0]}


def resources(kinds: list[Kind], group: str, version: str) -> Obj | None:
    """``/apis/<group>/<version>``; None for one that is not served."""
    found = []
    for kind in kinds:
        if (kind.group, kind.version) != (group, version):
            continue
        whole = {"name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind}
        found.append({**whole, "verbs": list(kind.verbs), **({"shortNames": list(kind.short)} if kind.short else {})})
        for sub in kind.subresources:
            part = {"name": f"{kind.plural}/{sub}", "singularName": "", "namespaced": kind.namespaced}
            found.append({**part, **_SUBRESOURCES.get(sub, {"kind": kind.kind}), "verbs": _verbs(sub)})
    if not found:
        return None
    told = {"kind": "APIResourceList", "groupVersion": f"{group}/{version}" if group else version, "resources": found}
    # the oldest group's is told as release 1.1 told it (apiserver, endpoints/discovery)
    return {"apiVersion": "v1", **told} if group else told


def openapi(kinds: list[Kind], path: str | None) -> Obj | None:
    """OpenAPI v3: the index, or the paths of one version, which tell clients what PATCH takes; None for no such."""
    if path is None:
        served = sorted({("apis/" if kind.group else "api/") + kind.api_version for kind in kinds})
        return {"paths": {one: {"serverRelativeURL": f"/openapi/v3/{one}?hash=0"} for one in served}}
    prefix, _, api_version = path.partition("/")
    paths = {}
    for kind in kinds:
        if kind.api_version == api_version and (prefix == "apis") == bool(kind.group):
            where = f"/{path}/" + ("namespaces/{namespace}/" if kind.namespaced else "") + kind.plural + "/{name}"
            paths[where] = {"patch": _patch(kind)}
    if not paths:
        return None
    info = {"title": "Kubernetes", "version": "sandbox"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}


def _patch(kind: Kind) -> Obj:
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    return {
        "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "x-kubernetes-action": "patch",
        "responses": {},
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names],
    }
