"""The cluster's objects with resource versions, watch events and finalizers.

Everything happens under one lock; whoever changes something wakes those that wait on ``changed``.
"""

from __future__ import annotations

import datetime
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from livekit_deploy.sandbox.cluster.objects import apply
from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.objects.defaults import Defaults
from livekit_deploy.sandbox.cluster.objects.deletion import (
    DEFINITION_FINALIZER,
    check_deletion,
    grace_of,
    held,
    shortened,
)
from livekit_deploy.sandbox.cluster.objects.errors import ApiError, forbidden, required
from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj
from livekit_deploy.sandbox.cluster.objects.selectors import fields_match, labels_match
from livekit_deploy.sandbox.cluster.objects.served import Served
from livekit_deploy.sandbox.cluster.store.logs import Logs

_WINDOW = 5000  # events that a watch may still ask for
_SET_BY_SERVER = (
    *("uid", "creationTimestamp", "deletionTimestamp", "name", "namespace", "generation", "resourceVersion"),
    "deletionGracePeriodSeconds",
)


def now(ahead: int = 0) -> str:
    """This moment, or one so many seconds ahead, as the API writes it."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Event:
    """One change; ``before`` is what it was, None when it was not there."""

    version: int
    type: str
    storage: tuple[str, str]
    item: Obj
    before: Obj | None


class Store(Served):
    """The objects of one cluster."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 1
        self.events: list[Event] = []
        self.logs = Logs()
        #: the oldest version that a watch may start from
        self.floor = 0
        self._objects: dict[tuple[str, str], dict[tuple[str | None, str], Obj]] = {}
        self._defaults = Defaults()

    # ---- reading

    def bucket(self, kind: Kind) -> dict[tuple[str | None, str], Obj]:
        return self._objects.setdefault(kind.storage, {})

    def find(self, kind: Kind, namespace: str | None, name: str) -> Obj | None:
        return self.bucket(kind).get((namespace if kind.namespaced else None, name))

    def get(self, kind: Kind, namespace: str | None, name: str) -> Obj:
        """The object; raises `ApiError` 404."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise ApiError(404, f'{kind.qualified} "{name}" not found', name=name, group=kind.group, kind=kind.plural)
        return found

    def items(self, kind: Kind) -> list[Obj]:
        """All objects of a kind, unsorted."""
        return list(self.bucket(kind).values())

    def select(self, kind: Kind, namespace: str | None, labels: str | None, fields: str | None) -> list[Obj]:
        """The objects that the selectors admit, by namespace and name."""
        return [
            item
            for (where, _), item in sorted(self.bucket(kind).items(), key=lambda pair: (pair[0][0] or "", pair[0][1]))
            if namespace in (None, where)
            and labels_match(labels, item["metadata"].get("labels") or {})
            and fields_match(fields, item)
        ]

    # ---- creating

    def create(
        self, kind: Kind, namespace: str | None, item: Obj, manager: str, *, dry: bool = False, track: bool = True
    ) -> Obj:
        """Store a new object; raises `ApiError`. ``dry`` only says what would be stored."""
        metadata = item.setdefault("metadata", {})
        self._place(kind, namespace, metadata)
        self._check_defined(kind, metadata)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
        name = metadata.get("name")
        if not name:
            raise required(kind.kind, "", "metadata.name", "name or generateName is required")
        key = (namespace if kind.namespaced else None, name)
        if key in self.bucket(kind):
            said = f'{kind.qualified} "{name}" already exists'
            raise ApiError(409, said, "AlreadyExists", name=name, group=kind.group, kind=kind.plural)
        for field in ("resourceVersion", "selfLink", "deletionTimestamp"):
            metadata.pop(field, None)
        metadata["uid"], metadata["creationTimestamp"] = str(uuid.uuid4()), now()
        item["apiVersion"], item["kind"] = kind.api_version, kind.kind
        if "spec" in item or kind.custom:
            metadata["generation"] = 1
        if "status" in kind.subresources and kind.plural != "namespaces":
            item.pop("status", None)
        self._defaults.apply(kind, item, None)
        if track:
            apply.track_update(None, item, manager, now())
        if dry:
            return item
        self._bump(item)
        self.bucket(kind)[key] = item
        self._emit("ADDED", kind, item, None)
        return item

    def _place(self, kind: Kind, namespace: str | None, metadata: Obj) -> None:
        """Its namespace: the right one, there, and not being deleted."""
        if not kind.namespaced:
            metadata.pop("namespace", None)
            return
        if metadata.get("namespace") not in (None, "", namespace):
            raise ApiError(400, "the namespace of the provided object does not match the namespace sent on the request")
        metadata["namespace"] = namespace
        holder = self.get(self.named("namespaces"), None, str(namespace))
        if holder["metadata"].get("deletionTimestamp"):
            name = metadata.get("name")
            said = f"unable to create new content in namespace {namespace} because it is being terminated"
            ending = f"namespace {namespace} is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": ending, "field": "metadata.namespace"}
            raise forbidden(kind, name, said, causes=[cause])

    def _check_defined(self, kind: Kind, metadata: Obj) -> None:
        """Its definition is not being deleted."""
        if not kind.custom:
            return
        defined = self.named("customresourcedefinitions", "apiextensions.k8s.io")
        definition = self.find(defined, None, f"{kind.plural}.{kind.group}")
        if definition and definition["metadata"].get("deletionTimestamp"):
            why = "create not allowed while custom resource definition is terminating"
            raise forbidden(kind, metadata.get("name"), why)

    # ---- changing

    def replace(
        self,
        kind: Kind,
        old: Obj,
        new: Obj,
        manager: str | None,
        sub: str = "",
        *,
        dry: bool = False,
    ) -> Obj:
        """Store ``new``, already merged, in the place of ``old``; without a manager, owners are as given.

        Nothing happens when nothing differs; an object whose last finalizer goes while it is deleted goes with it.
        """
        before, metadata = old["metadata"], new.setdefault("metadata", {})
        self._check_current(kind, before, metadata)
        for field in _SET_BY_SERVER:
            metadata.pop(field, None)
            if field in before:
                metadata[field] = before[field]
        new["apiVersion"], new["kind"] = old["apiVersion"], old["kind"]
        new = _of_its_part(kind, old, new, sub)
        metadata = new["metadata"]
        self._defaults.apply(kind, new, old)
        if manager:
            apply.track_update(old, new, manager, now(), sub)
        if sub != "status" and _body(new) != _body(old) and "generation" in before:
            metadata["generation"] = before["generation"] + 1
        if dry or _without_times(new) == _without_times(old):
            return new
        self._bump(new)
        self.bucket(kind)[before.get("namespace") if kind.namespaced else None, before["name"]] = new
        if metadata.get("deletionTimestamp") and not held(kind, new):
            self._remove(kind, new)
        else:
            self._emit("MODIFIED", kind, new, old)
        return new

    def _check_current(self, kind: Kind, before: Obj, metadata: Obj) -> None:
        said = f'Operation cannot be fulfilled on {kind.qualified} "{before["name"]}"'
        if metadata.get("resourceVersion") not in (None, "", before["resourceVersion"]):
            raise ApiError(
                409,
                f"{said}: the object has been modified; please apply your changes to the latest version and try again",
                name=before["name"],
                group=kind.group,
                kind=kind.plural,
            )
        if metadata.get("uid") not in (None, "", before["uid"]):
            raise ApiError(409, f"{said}: Precondition failed: UID in precondition: {metadata['uid']}")

    def set_status(self, kind: Kind, item: Obj, status: Obj) -> None:
        """What a controller writes."""
        if (item.get("status") or {}) != status:
            new = copied(item)
            new["status"] = status
            self.replace(kind, item, new, "kube-controller-manager", "status")

    # ---- deleting

    def delete(self, kind: Kind, item: Obj, options: Obj | None = None, *, dry: bool = False) -> tuple[Obj, bool]:
        """Delete, or mark as being deleted while finalizers hold it: (the object, whether it is gone)."""
        options, metadata = options or {}, item["metadata"]
        check_deletion(kind, metadata, options)
        if dry:
            return item, True
        policy = options.get("propagationPolicy")
        if options.get("orphanDependents") or policy == "Orphan":
            self._orphan(metadata["uid"])
        finalizers = list(metadata.get("finalizers") or [])
        if metadata.get("deletionTimestamp"):
            return self._hurried(kind, item, options.get("gracePeriodSeconds"))
        if policy == "Foreground" and "foregroundDeletion" not in finalizers:
            finalizers.append("foregroundDeletion")
        if kind.plural == "customresourcedefinitions":
            finalizers.append(DEFINITION_FINALIZER)
        grace = grace_of(kind, item, options)
        new = copied(item)
        new["metadata"].update(deletionTimestamp=now(grace), deletionGracePeriodSeconds=grace)
        if "generation" in metadata:
            new["metadata"]["generation"] = metadata["generation"] + 1
        if not finalizers and not held(kind, item) and not grace:
            self._remove(kind, item)
            return (new if kind.plural == "pods" else item), True
        if finalizers:
            new["metadata"]["finalizers"] = finalizers
        if kind.plural == "namespaces":
            new.setdefault("status", {})["phase"] = "Terminating"
            del new["metadata"]["deletionGracePeriodSeconds"]
        self._changed(kind, new, item)
        return new, False

    def _hurried(self, kind: Kind, item: Obj, grace: int | None) -> tuple[Obj, bool]:
        """A pod that is being deleted may be given less time than it was, never more."""
        metadata = item["metadata"]
        less = shortened(metadata, grace, datetime.datetime.now(datetime.UTC))
        if less is None:
            return item, False
        new = copied(item)
        new["metadata"].update(deletionTimestamp=less[0], deletionGracePeriodSeconds=less[1])
        if less[1] == 0 and not metadata.get("finalizers"):
            self._remove(kind, item)
            return new, True
        self._changed(kind, new, item)
        return new, False

    def finish(self, kind: Kind, item: Obj) -> None:
        """Take away what was only kept for its grace period."""
        self._remove(kind, item)

    def _orphan(self, uid: str) -> None:
        for kind, item in self.dependents(uid):
            new = copied(item)
            refs = [one for one in new["metadata"]["ownerReferences"] if one["uid"] != uid]
            new["metadata"]["ownerReferences"] = refs
            self.replace(kind, item, new, "kube-controller-manager")

    def dependents(self, uid: str) -> Iterator[tuple[Kind, Obj]]:
        """Everything that names this object as an owner."""
        for kind in self.stored():
            for item in self.items(kind):
                if any(one["uid"] == uid for one in item["metadata"].get("ownerReferences") or []):
                    yield kind, item

    def _remove(self, kind: Kind, item: Obj) -> None:
        metadata = item["metadata"]
        self.bucket(kind).pop((metadata.get("namespace") if kind.namespaced else None, metadata["name"]), None)
        gone = copied(item)
        self._bump(gone)
        self._emit("DELETED", kind, gone, item)
        if kind.plural == "pods":
            self.logs.drop(metadata["uid"])
        if kind.plural == "customresourcedefinitions":
            self.unregister(item)

    # ---- versions and events

    def _changed(self, kind: Kind, new: Obj, old: Obj) -> None:
        self._bump(new)
        self.bucket(kind)[new["metadata"].get("namespace") if kind.namespaced else None, new["metadata"]["name"]] = new
        self._emit("MODIFIED", kind, new, old)

    def _bump(self, item: Obj) -> None:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)

    def _emit(self, type: str, kind: Kind, item: Obj, before: Obj | None) -> None:
        version = int(item["metadata"]["resourceVersion"])
        self.events.append(Event(version, type, kind.storage, copied(item), before))
        if (surplus := len(self.events) - _WINDOW) > 0:
            self.floor = self.events[surplus - 1].version
            del self.events[:surplus]
        self.changed.notify_all()


def _of_its_part(kind: Kind, old: Obj, new: Obj, sub: str) -> Obj:
    """What a write changes: the status alone, or all but the status where that is a subresource."""
    if sub == "status":
        owners = new["metadata"].get("managedFields", old["metadata"].get("managedFields"))
        metadata = {**old["metadata"], "managedFields": owners}
        return {**copied(old), "status": new.get("status"), "metadata": metadata}
    if "status" in kind.subresources:
        new.pop("status", None)
        if "status" in old:
            new["status"] = copied(old["status"])
    return new


def _body(item: Obj) -> Obj:
    return {key: value for key, value in item.items() if key not in ("metadata", "status")}


def _without_times(item: Obj) -> Obj:
    metadata = item["metadata"]
    owners = [{**owner, "time": None} for owner in metadata.get("managedFields") or []]
    return {**item, "metadata": {**metadata, "managedFields": owners}}
