"""Removes the load balancer controller's finalizers when the controller cannot do it itself.

While it lives, the controller takes its finalizers itself once the load balancers are gone, however slow AWS is. Dead,
it never does, and its webhooks, which are asked about a change of what it holds, refuse even that they are taken: so
both of its webhook configurations go first. One that lives and has let go of nothing for `PATIENCE` is taken for dead:
AWS refuses what it asks, because its identity provider, its role or its rights are gone.
Source: Kubernetes, "Finalizers" and "Dynamic Admission Control"; AWS Load Balancer Controller, pkg/shared_constants.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.k8s.access.client import Api, Obj, leaving

#: from the deletion of what it holds; it deletes a load balancer in a minute or two, and a group in use in some more
PATIENCE = timedelta(minutes=10)
_DEPLOYMENTS = "/apis/apps/v1/deployments"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/"
_CONFIGURATIONS = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
#: the API groups that are its own, and the domains of its finalizers
_GROUPS = ("elbv2.k8s.aws", "gateway.k8s.aws", "aga.k8s.aws")
_DOMAINS = (*_GROUPS, "ingress.k8s.aws", "group.ingress.k8s.aws", "service.k8s.aws")


class LoadBalancerController:
    """The controller of a cluster, alive or dead."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def given_up(self, held: Iterable[Obj]) -> bool:
        """Whether it does not do its work, and its webhooks are being taken away: nothing is waited for any more."""
        return len(self._webhooks()) < len(_CONFIGURATIONS) and not self._works(held)

    def _works(self, held: Iterable[Obj]) -> bool:
        """Whether one of its pods serves, and what it holds has not been on its way out for long."""
        since = datetime.now(UTC) + self._api.ahead - PATIENCE
        if any(
            leaving(item) and datetime.fromisoformat(item["metadata"]["deletionTimestamp"]) < since
            for item in held
            if holds(item)
        ):
            return False
        found = self._api.list(_DEPLOYMENTS, CONTROLLER.pods)
        return any((one.get("status") or {}).get("availableReplicas") for one in found)

    def let_go(self, held: Sequence[tuple[str, Obj]]) -> None:
        """One step for what one that does not work holds, each with its path: a webhook configuration goes, then what
        nobody has deleted is, then finalizers are taken. Nothing happens while it works.
        """
        if not held or self._works(item for _, item in held):
            return
        if webhooks := self._webhooks():
            self._api.delete(webhooks[0])
        elif kept := [path for path, item in held if not leaving(item)]:
            self._api.delete(kept[0])
        else:
            path, item = held[0]
            self._api.let_go(path, [one for one in item["metadata"]["finalizers"] if not _its(one)])

    def _webhooks(self) -> list[str]:
        """The paths of its webhook configurations."""
        return [
            f"{_WEBHOOKS}{plural}/{one['metadata']['name']}"
            for plural in _CONFIGURATIONS
            for one in self._api.list(f"{_WEBHOOKS}{plural}", CONTROLLER.pods)
        ]

    def held_in(self, namespace: str) -> Iterator[tuple[str, Obj]]:
        """What is being deleted in a namespace and held by the controller, each with its path."""
        collections = [
            f"/api/v1/namespaces/{namespace}/services",
            f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses",
            *self._own(namespace),
        ]
        for collection in collections:
            for item in self._api.list(collection):
                if leaving(item) and holds(item):
                    yield f"{collection}/{item['metadata']['name']}", item

    def _own(self, namespace: str) -> Iterator[str]:
        """The collections of its own kinds."""
        for group in _GROUPS:
            version = ((self._api.get(f"/apis/{group}") or {}).get("preferredVersion") or {}).get("groupVersion")
            for kind in (self._api.get(f"/apis/{version}") or {}).get("resources") or [] if version else ():
                if kind["namespaced"] and "/" not in kind["name"]:
                    yield f"/apis/{version}/namespaces/{namespace}/{kind['name']}"


def holds(item: Obj) -> bool:
    """Whether the controller keeps an object from going."""
    return any(_its(one) for one in item["metadata"].get("finalizers") or [])


def _its(finalizer: str) -> bool:
    return finalizer.partition("/")[0] in _DOMAINS
