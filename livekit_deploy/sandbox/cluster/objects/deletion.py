"""Deletion options and grace periods of objects, and what keeps an object that is being deleted.

Source: k8s.io/apiserver, registry/rest `BeforeDelete`; the strategy of pods.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from livekit_deploy.sandbox.cluster.objects.errors import ApiError, forbidden
from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj

#: kept by a definition until the objects that it defines are gone
DEFINITION_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_KEPT = ("default", "kube-system", "kube-public")  # namespaces
_ENDED = ("Succeeded", "Failed")
_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_PRECONDITIONS = {
    "uid": ("UID", "The object might have been deleted and then recreated"),
    "resourceVersion": ("ResourceVersion", "The object might have been modified"),
}


def held(kind: Kind, item: Obj) -> bool:
    """Whether something keeps an object that is being deleted."""
    own = kind.plural == "namespaces" and (item.get("spec") or {}).get("finalizers")
    return bool(item["metadata"].get("finalizers") or own or item["metadata"].get("deletionGracePeriodSeconds"))


def grace_of(kind: Kind, item: Obj, options: Obj) -> int:
    """Seconds that a running pod is given to end; other kinds and pods that do not run go at once."""
    ended = (item.get("status") or {}).get("phase") in _ENDED
    if kind.plural != "pods" or not item.get("spec", {}).get("nodeName") or ended:
        return 0
    asked = options.get("gracePeriodSeconds")
    seconds = int(item["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked)
    return seconds if seconds >= 0 else 1


def shortened(metadata: Obj, asked: int | None, now: datetime) -> tuple[str, int] | None:
    """(when it ends, its seconds) of a pod that is given less time than it was; None when it is to have no less.

    The time runs from when it was first asked to end; what has passed already leaves it one second, unless none at all
    is asked for.
    """
    had = int(metadata.get("deletionGracePeriodSeconds") or 0)
    if asked is None or not had:
        return None
    seconds = asked if asked >= 0 else 1
    if seconds >= had:
        return None
    end = datetime.fromisoformat(metadata["deletionTimestamp"]) + timedelta(seconds=seconds - had)
    if end < now:
        end, seconds = now, min(seconds, 1)
    return end.strftime(_STAMP), seconds


def check_deletion(kind: Kind, metadata: Obj, options: Obj) -> None:
    """Raise `ApiError` when it may not be deleted, or when it is not what is to be deleted."""
    check_preconditions(kind, metadata, options)
    if kind.plural == "namespaces" and metadata["name"] in _KEPT:
        raise forbidden(kind, metadata["name"], "this namespace may not be deleted")


def check_preconditions(kind: Kind, metadata: Obj, options: Obj) -> None:
    """Raise `ApiError` 409 when it is not the object, or not the version of it, that is to go."""
    for key, (shown, perhaps) in _PRECONDITIONS.items():
        wanted = (options.get("preconditions") or {}).get(key)
        if wanted and wanted != metadata[key]:
            name, whose = metadata["name"], f"{kind.kind}.{kind.group}" if kind.group else kind.kind
            raise ApiError(
                409,
                f'Operation cannot be fulfilled on {whose} "{name}": the {shown} in the precondition ({wanted}) does '
                f"not match the {shown} in record ({metadata[key]}). {perhaps}",
                name=name,
                group=kind.group,
                kind=kind.kind,
            )
