"""Label and field selectors, as clients write them in queries and as objects hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SET = re.compile(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)")


def labels_match(selector: str | None, labels: Mapping[str, str]) -> bool:
    """``a=b,c!=d,e in (f, g),h,!i``"""
    parts = (part.strip() for part in re.split(r",(?![^(]*\))", selector or ""))
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
