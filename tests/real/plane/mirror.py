"""The objects of a real API server as a store of the sandbox: read from watches, written by requests."""

from __future__ import annotations

import logging
import threading
from typing import Any

import urllib3.exceptions

from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.objects.kinds import Kind
from livekit_deploy.sandbox.cluster.store.store import Store
from tests.real.plane.wire import MANAGER, Wire

Obj = dict[str, Any]
_logger = logging.getLogger(__name__)
#: what our nodes, kubelets, controller and outside look at; custom kinds come to it as they are defined
WATCHED = (
    *(("", "namespaces"), ("", "nodes"), ("", "pods"), ("", "services"), ("", "configmaps"), ("", "secrets")),
    *(("", "serviceaccounts"), ("apps", "deployments"), ("networking.k8s.io", "ingresses")),
    *(("networking.k8s.io", "ingressclasses"), ("apiextensions.k8s.io", "customresourcedefinitions")),
    *(("discovery.k8s.io", "endpointslices"), ("admissionregistration.k8s.io", "mutatingwebhookconfigurations")),
)
_AGAIN_SECONDS, _HEARD_SECONDS = 0.5, 120.0


class Mirror(Store):
    """Reads are what was last heard; writes are refused as the API server refuses them (`ApiError`)."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire
        self._stopping = threading.Event()
        self._heard: dict[tuple[str, str], threading.Event] = {}

    def start(self) -> None:
        """Returns when everything that is watched has been heard once."""
        for group, plural in WATCHED:
            self._follow(self.named(plural, group))
        for what, heard in list(self._heard.items()):
            if not heard.wait(_HEARD_SECONDS):
                raise RuntimeError(f"the API server does not list {what}")

    def stop(self) -> None:
        self._stopping.set()
        with self.changed:
            self.changed.notify_all()

    # ---- hearing

    def _follow(self, kind: Kind) -> None:
        if kind.storage not in self._heard:
            self._heard[kind.storage] = threading.Event()
            threading.Thread(target=self._listen, args=(kind,), daemon=True).start()

    def _listen(self, kind: Kind) -> None:
        while not self._stopping.is_set():
            try:
                listed = self._wire.ask("GET", collection(kind, None))
                self._take_all(kind, listed["items"])
                for event in self._wire.watch(collection(kind, None), listed["metadata"]["resourceVersion"]):
                    if event["type"] == "ERROR" or self._stopping.is_set():
                        break
                    self._take(kind, event["object"], gone=event["type"] == "DELETED")
            except (ApiError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                if not self._stopping.wait(_AGAIN_SECONDS):
                    _logger.debug("%s: %s", kind.plural, error)

    def _take_all(self, kind: Kind, items: list[Obj]) -> None:
        """Who looks without the lock misses nothing meanwhile."""
        with self.lock:
            for item in items:
                self._take(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **item})
            for key in self.bucket(kind).keys() - {_key(kind, item) for item in items}:
                del self.bucket(kind)[key]
            self._heard[kind.storage].set()

    def _take(self, kind: Kind, item: Obj, *, gone: bool = False) -> None:
        metadata, key = item["metadata"], _key(kind, item)
        with self.changed:
            have = self.bucket(kind).get(key)
            if gone:
                if have is not None and have["metadata"]["uid"] == metadata["uid"]:
                    del self.bucket(kind)[key]
                    self._forget(kind, item)
            elif have is None or int(have["metadata"]["resourceVersion"]) <= int(metadata["resourceVersion"]):
                self.bucket(kind)[key] = item
                self._learn(kind, item)
            self.version += 1
            self.changed.notify_all()

    def _learn(self, kind: Kind, item: Obj) -> None:
        if kind.plural == "customresourcedefinitions":
            self.register(item)
            spec = item["spec"]
            stored = next(one["name"] for one in spec["versions"] if one["storage"])
            self._follow(self.kind(spec["group"], stored, spec["names"]["plural"]))

    def _forget(self, kind: Kind, item: Obj) -> None:
        if kind.plural == "pods":
            self.logs.drop(item["metadata"]["uid"])

    # ---- writing

    def create(
        self, kind: Kind, namespace: str | None, item: Obj, manager: str, *, dry: bool = False, track: bool = True
    ) -> Obj:
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **item}
        made = self._wire.ask("POST", collection(kind, namespace), body, fieldManager=manager)
        self._take(kind, made)
        return made

    def replace(self, kind: Kind, old: Obj, new: Obj, manager: str | None, sub: str = "", *, dry: bool = False) -> Obj:
        """Refused (409) when it is no longer as it was; a status is whatever its controller says."""
        version = "" if sub else old["metadata"]["resourceVersion"]
        body = {**new, "metadata": {**new["metadata"], "resourceVersion": version}}
        made = self._wire.ask("PUT", where(kind, old, sub), body, fieldManager=manager or MANAGER)
        self._take(kind, made)
        return made

    def set_status(self, kind: Kind, item: Obj, status: Obj) -> None:
        have = item.get("status") or {}
        if any(have.get(key) != value for key, value in status.items()):
            self.replace(kind, item, {**item, "status": {**have, **status}}, "kubelet", "status")

    def delete(self, kind: Kind, item: Obj, options: Obj | None = None, *, dry: bool = False) -> tuple[Obj, bool]:
        sent = {"preconditions": {"uid": item["metadata"]["uid"]}, **(options or {})}
        try:
            self._wire.ask("DELETE", where(kind, item), sent)
        except ApiError as error:
            if error.code != 404:
                raise
        return item, True

    def finish(self, kind: Kind, item: Obj) -> None:
        """As a kubelet does when the last container of a pod has ended."""
        self.delete(kind, item, {"gracePeriodSeconds": 0})


def _key(kind: Kind, item: Obj) -> tuple[str | None, str]:
    """Where it is kept."""
    metadata = item["metadata"]
    return metadata.get("namespace") if kind.namespaced else None, metadata["name"]


def collection(kind: Kind, namespace: str | None) -> str:
    """The path of all, or of those of a namespace."""
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}"
    inside = f"/namespaces/{namespace}" if kind.namespaced and namespace else ""
    return f"{root}{inside}/{kind.plural}"


def where(kind: Kind, item: Obj, sub: str = "") -> str:
    """The path of an object."""
    metadata = item["metadata"]
    return f"{collection(kind, metadata.get('namespace'))}/{metadata['name']}" + (f"/{sub}" if sub else "")
