"""What keeps an object that is being deleted, and for how long."""

from __future__ import annotations

from typing import Any

from livekit_deploy.sandbox.cluster.kinds import Kind

Obj = dict[str, Any]


def held(kind: Kind, item: Obj) -> bool:
    """Whether something keeps an object that is being deleted."""
    own = kind.plural == "namespaces" and (item.get("spec") or {}).get("finalizers")
    return bool(item["metadata"].get("finalizers") or own or item["metadata"].get("deletionGracePeriodSeconds"))


def grace_of(kind: Kind, item: Obj, options: Obj) -> int:
    """Seconds that a running pod is given to end; other kinds and pods that never ran go at once."""
    if kind.plural != "pods" or not item.get("spec", {}).get("nodeName"):
        return 0
    asked = options.get("gracePeriodSeconds")
    return int(item["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked)
