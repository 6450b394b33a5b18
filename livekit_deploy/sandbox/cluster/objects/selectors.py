"""Label and field selectors, of queries and of objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.objects.kinds import Kind

_SET = re.compile(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)")


#: what an object of a kind can be selected by, beside its name and its namespace
_FIELDS = {
    "pods": (
        *("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork"),
        *("status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName"),
    ),
    "events": (
        *(f"involvedObject.{part}" for part in ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath")),
        *("involvedObject.resourceVersion", "reason", "reportingComponent", "source", "type"),
    ),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "services": ("spec.clusterIP", "spec.type"),
    "jobs": ("status.successful",),
    "replicasets": ("status.replicas",),
}
_PART = re.compile(r"!?[\w./-]+|[\w./-]+\s*(=|==|!=)\s*[\w.-]*|[\w./-]+\s+(in|notin)\s+\([^)]*\)")


def check_selectors(kind: Kind, labels: str | None, fields: str | None) -> None:
    """Raise `ApiError` 400 for a selector that cannot be read, or by a field that the kind cannot be selected by."""
    for part in filter(None, (one.strip() for one in _parts(labels))):
        if not _PART.fullmatch(part):
            raise ApiError(400, f"unable to parse requirement: {part}")
    own = _FIELDS.get(kind.plural, ())
    for part in filter(None, (fields or "").split(",")):
        key = re.split("!=|==?", part, maxsplit=1)[0]
        if key not in ("metadata.name", "metadata.namespace", *own):
            only = '"metadata.name", "metadata.namespace"'
            said = f'"{key}" is not a known field selector: only {only}'
            raise ApiError(400, f"field label not supported: {key}" if own else said)


def _parts(selector: str | None) -> list[str]:
    return re.split(r",(?![^(]*\))", selector or "")


def labels_match(selector: str | None, labels: Mapping[str, str]) -> bool:
    """``a=b,c!=d,e in (f, g),h,!i``"""
    parts = (part.strip() for part in _parts(selector))
    return all(_label_matches(part, labels) for part in parts if part)


def _label_matches(part: str, labels: Mapping[str, str]) -> bool:
    if found := _SET.fullmatch(part):
        values = {value.strip() for value in found[3].split(",")}
        return (labels.get(found[1]) in values) == (found[2] == "in")
    if "!=" in part:
        key, value = part.split("!=", 1)
        return labels.get(key.strip()) != value.strip()
    if "=" in part:
        key, value = re.split("==?", part, maxsplit=1)
        return labels.get(key.strip()) == value.strip()
    return part[1:].strip() not in labels if part.startswith("!") else part in labels


def fields_match(selector: str | None, item: Mapping[str, Any]) -> bool:
    """``metadata.name=x,status.phase!=Running``"""
    for part in filter(None, (selector or "").split(",")):
        key, value = re.split("!=|==?", part, maxsplit=1)
        current: Any = item
        for name in key.split("."):
            current = current.get(name) if isinstance(current, Mapping) else None
        if (str("" if current is None else current) == value) == ("!=" in part):
            return False
    return True


def selected(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """A LabelSelector object; an empty one selects everything."""
    given = selector or {}
    if any(labels.get(key) != value for key, value in (given.get("matchLabels") or {}).items()):
        return False
    return all(_expression(one, labels) for one in given.get("matchExpressions") or [])


def _expression(one: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    there, value, values = one["key"] in labels, labels.get(one["key"]), one.get("values") or []
    operator = str(one["operator"])
    if operator in ("In", "NotIn"):
        return bool(there and value in values) == bool(operator == "In")
    return bool(there) == bool(operator == "Exists")
