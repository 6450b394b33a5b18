"""What an uninstalled release leaves for a while, and how it is deleted if nothing else does.

Helm uninstalls what its newest revision holds: what an upgrade was still to take away when it died is left. Pods drain
calls for hours; Ingresses and Services are held by finalizers of the load balancer controller until it has deleted
their load balancers, and so are the bindings of target groups that it made for them. A controller that does not work
never does: then the bindings are deleted and the finalizers taken away, and the load balancers are deleted through AWS
by the barrier behind.
Source: Kubernetes, "Finalizers"; AWS Load Balancer Controller, "TargetGroupBinding".
"""

from __future__ import annotations

from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.k8s.access.client import Api, Obj, grace_of, leaving
from livekit_deploy.k8s.finalizers import LoadBalancerController, holds
from livekit_deploy.k8s.workload import named

_INSTANCE = "app.kubernetes.io/instance"
_PODS = "/api/v1/namespaces/{namespace}/pods"
_SERVICES = "/api/v1/namespaces/{namespace}/services"
_INGRESSES = "/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"
_BINDINGS = "/apis/elbv2.k8s.aws/v1beta1/namespaces/{namespace}/targetgroupbindings"
_KINDS = {_PODS: "Pod", _SERVICES: "Service", _INGRESSES: "Ingress"}
#: the label by which a binding names what it was made for
_STACKS = {_SERVICES: "service.k8s.aws/stack-name", _INGRESSES: "ingress.k8s.aws/stack-name"}


class Remains:
    """What is left of one release in its namespace."""

    def __init__(self, api: Api, namespace: str, instance: str) -> None:
        self._api, self._namespace, self._instance = api, namespace, instance

    def live(self, id: str) -> Live | None:
        """READY where a step is called for (pods that drain calls, what nobody deletes), DELETING while others may be
        at it, None for nothing."""
        left = [item for path in _KINDS for item in self._list(path)]
        bindings = self._bindings()
        if not left and not bindings:
            return None
        idle = any(grace_of(item) > 0 if item["kind"] == "Pod" else not leaving(item) for item in left)
        held = [item for item in [*left, *bindings] if holds(item)]
        idle = idle or (bool(held) and LoadBalancerController(self._api).given_up(held))
        shown = ", ".join(sorted(named(item) for item in [*left, *bindings])[:3])
        status = Status.READY if idle else Status.DELETING
        return Live(id, status, {"state": "uninstalled"}, detail=f"waiting for {shown}")

    def end(self) -> None:
        """One step: delete what nobody does; end the pods; then, one by one, let go of what the controller holds."""
        balanced = [(self._at(path, item), item) for path in (_SERVICES, _INGRESSES) for item in self._list(path)]
        bindings = [(self._at(_BINDINGS, item), item) for item in self._bindings()]
        forgotten = [path for path, item in balanced if not leaving(item)]
        held = [(path, item) for path, item in [*balanced, *bindings] if holds(item)]
        if forgotten:
            self._api.delete(forgotten[0])
        elif self._list(_PODS) or not held:
            pods = _PODS.format(namespace=self._namespace)
            self._api.delete(pods, grace_seconds=0, labels=f"{_INSTANCE}={self._instance}")
        else:
            LoadBalancerController(self._api).let_go(held)

    def _at(self, collection: str, item: Obj) -> str:
        return f"{collection.format(namespace=self._namespace)}/{item['metadata']['name']}"

    def _list(self, path: str) -> list[Obj]:
        found = self._api.list(path.format(namespace=self._namespace), f"{_INSTANCE}={self._instance}")
        return [{"kind": _KINDS[path], **item} for item in found]

    def _bindings(self) -> list[Obj]:
        """Those that the controller made for an Ingress or Service that is this release's, or is no more."""
        found = self._api.list(_BINDINGS.format(namespace=self._namespace))
        others = {path: self._others(path) for path in _STACKS} if found else {}
        return [{"kind": "TargetGroupBinding", **item} for item in found if _made_for_ours(item, others)]

    def _others(self, path: str) -> set[str]:
        """The names of what is there of a kind and is not this release's."""
        found = self._api.list(path.format(namespace=self._namespace))
        return {
            item["metadata"]["name"]
            for item in found
            if (item["metadata"].get("labels") or {}).get(_INSTANCE) != self._instance
        }


def _made_for_ours(binding: Obj, others: dict[str, set[str]]) -> bool:
    labels = binding["metadata"].get("labels") or {}
    made_for = [(path, labels[label]) for path, label in _STACKS.items() if label in labels]
    return bool(made_for) and all(name not in others[path] for path, name in made_for)
