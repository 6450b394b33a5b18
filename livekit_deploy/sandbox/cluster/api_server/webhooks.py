"""Admission webhooks: one whose Service has no endpoints refuses the requests that it matches.

That is how a cluster behaves between the installation of a controller and its first ready pod.
Source: Kubernetes, "Dynamic Admission Control", failure policy.
"""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj
from livekit_deploy.sandbox.cluster.objects.selectors import selected
from livekit_deploy.sandbox.cluster.store.store import Store

_GROUP = "admissionregistration.k8s.io"


def admit(store: Store, kind: Kind, operation: str, item: Obj) -> None:
    """Raise `ApiError` 500 when a webhook that must be asked cannot be; ``operation`` is CREATE, UPDATE or DELETE."""
    for hook in _hooks(store):
        service = hook["clientConfig"].get("service")
        if service is None or hook["failurePolicy"] == "Ignore" or not _watches(store, hook, kind, operation, item):
            continue
        if not has_endpoints(store, service["namespace"], service["name"]):
            port = service.get("port", 443)
            where = f"https://{service['name']}.{service['namespace']}.svc:{port}{service.get('path', '')}"
            raise ApiError(
                500,
                f'Internal error occurred: failed calling webhook "{hook["name"]}": failed to call webhook: '
                f'Post "{where}?timeout=10s": no endpoints available for service "{service["name"]}"',
            )


def _hooks(store: Store) -> Iterator[Obj]:
    for plural in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
        for configuration in store.items(store.named(plural, _GROUP)):
            yield from configuration.get("webhooks") or []


def _watches(store: Store, hook: Obj, kind: Kind, operation: str, item: Obj) -> bool:
    exact = hook.get("matchPolicy") == "Exact"
    if not any(_rule(rule, kind, operation, exact) for rule in hook.get("rules") or []):
        return False
    metadata = item["metadata"]
    if not selected(hook["objectSelector"], metadata.get("labels") or {}):
        return False
    if not kind.namespaced:
        return True
    namespace = store.find(store.named("namespaces"), None, metadata.get("namespace", ""))
    labels = (namespace or {}).get("metadata", {}).get("labels") or {}
    return selected(hook["namespaceSelector"], labels)


def _rule(rule: Obj, kind: Kind, operation: str, exact: bool) -> bool:
    """Whether a rule names a kind; by its default, matchPolicy Equivalent, in any version of it."""

    def admits(values: list[str], value: str) -> bool:
        return "*" in values or value in values

    return (
        admits(rule.get("operations") or [], operation)
        and admits(rule.get("apiGroups") or [], kind.group)
        and (not exact or admits(rule.get("apiVersions") or [], kind.version))
        and admits(rule.get("resources") or [], kind.plural)
    )


def has_endpoints(store: Store, namespace: str, name: str) -> bool:
    """Whether somebody answers for a Service."""
    slices = store.select(
        store.named("endpointslices", "discovery.k8s.io"), namespace, f"kubernetes.io/service-name={name}", None
    )
    points = (point for one in slices for point in one.get("endpoints") or [])
    return any(point["conditions"]["ready"] for point in points)
