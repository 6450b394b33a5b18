"""Lists that strategic merge and server-side apply merge item by item, with their keys.

A union of what built-in types say, by field name (Kubernetes API reference, "patch strategy" and "list type").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "conditions": ("type",),
    "webhooks": ("name",),
    "ownerReferences": ("uid",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
#: lists that are sets of plain values
SETS = frozenset({"finalizers"})
#: maps that server-side apply owns as a whole
ATOMIC = frozenset(
    {
        "configMapKeyRef",
        "fieldRef",
        "labelSelector",
        "matchLabels",
        "namespaceSelector",
        "nodeSelector",
        "objectSelector",
        "openAPIV3Schema",
        "resourceFieldRef",
        "secretKeyRef",
        "selector",
    }
)


def keys_of(field: str | None, items: Sequence[Any], *, strategic: bool = False) -> tuple[str, ...] | None:
    """The keys of the list called ``field``; None for one that is replaced whole."""
    if field != "ports":
        return _KEYS.get(field or "")
    if not items or not isinstance(items[0], dict):
        return None
    key = next((key for key in ("containerPort", "port") if any(key in item for item in items)), None)
    if key is None:
        return None
    return (key,) if strategic else (key, "protocol")


def key(item: dict[str, Any], keys: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """What identifies an item."""
    return tuple((name, item.get(name, "TCP" if name == "protocol" else None)) for name in keys)
