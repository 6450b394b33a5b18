"""What an uninstalled release leaves for a while, and how that ends when nobody else ends it.

Helm uninstalls what its newest revision holds: what an upgrade was still to take away when it died is left. Pods drain
calls for hours; Ingresses and Services are held by finalizers of the load balancer controller until it has deleted
their load balancers. A controller that is dead never does: then the finalizers are taken away, and the load balancers
are deleted through AWS by the barrier behind. Its webhook, which is asked about Ingresses, is dead with it and would
refuse even that, so its configuration goes first.
Source: Kubernetes, "Finalizers" and "Dynamic Admission Control".
"""

from __future__ import annotations

from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.k8s.client import Api, Obj
from livekit_deploy.k8s.workload import has_endpoints, named

_INSTANCE = "app.kubernetes.io/instance"
_PODS = "/api/v1/namespaces/{namespace}/pods"
_WHERE = (
    _PODS,
    "/api/v1/namespaces/{namespace}/services",
    "/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses",
)
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
_CONTROLLER = "app.kubernetes.io/name=aws-load-balancer-controller"


class Remains:
    """What is left of one release in its namespace."""

    def __init__(self, api: Api, namespace: str, instance: str) -> None:
        self._api, self._namespace, self._instance = api, namespace, instance

    def live(self, id: str) -> Live | None:
        """READY where a step is called for (pods that drain calls, what nobody deletes), DELETING while others may be
        at it, None for nothing."""
        left = [item for path in _WHERE for item in self._list(path)]
        if not left:
            return None
        idle = any(_graceful(item) if item["kind"] == "Pod" else not _leaving(item) for item in left)
        shown = ", ".join(sorted(named(item) for item in left)[:3])
        status = Status.READY if idle else Status.DELETING
        return Live(id, status, {"state": "uninstalled"}, detail=f"waiting for {shown}")

    def end(self) -> None:
        """One step: delete what nobody does; end the pods; then, one by one, let go of what finalizers hold."""
        pods = self._list(_PODS)
        balanced = [(path, item) for path in _WHERE[1:] for item in self._list(path)]
        forgotten = [(path, item) for path, item in balanced if not _leaving(item)]
        held = [(path, item) for path, item in balanced if _leaving(item) and item["metadata"].get("finalizers")]
        if forgotten:
            path, item = forgotten[0]
            self._api.delete(f"{self._path(path)}/{item['metadata']['name']}")
        elif pods or not held:
            self._api.delete(self._path(_PODS), grace_seconds=0, labels=f"{_INSTANCE}={self._instance}")
        elif webhook := self._dead_webhook():
            self._api.delete(f"{_WEBHOOKS}/{webhook}")
        else:
            path, item = held[0]
            self._api.let_go(f"{self._path(path)}/{item['metadata']['name']}")

    def _path(self, path: str) -> str:
        return path.format(namespace=self._namespace)

    def _list(self, path: str) -> list[Obj]:
        found = self._api.list(self._path(path), f"{_INSTANCE}={self._instance}")
        kind = {"pods": "Pod", "services": "Service", "ingresses": "Ingress"}[path.rpartition("/")[2]]
        return [{"kind": kind, **item} for item in found]

    def _dead_webhook(self) -> str | None:
        """The load balancer controller's webhook configuration, when nobody answers for it."""
        for configuration in self._api.list(_WEBHOOKS, _CONTROLLER):
            for hook in configuration.get("webhooks") or []:
                service = hook["clientConfig"].get("service")
                if service and not has_endpoints(self._api, service["namespace"], service["name"]):
                    return str(configuration["metadata"]["name"])
        return None


def _leaving(item: Obj) -> bool:
    return bool(item["metadata"].get("deletionTimestamp"))


def _graceful(pod: Obj) -> bool:
    return int(pod["metadata"].get("deletionGracePeriodSeconds") or 0) > 0
