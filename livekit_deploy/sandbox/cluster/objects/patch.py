"""JSON patch, merge patch and strategic merge patch.

Source: RFC 6902, RFC 7386, Kubernetes "Update API objects in place using kubectl patch".
"""

from __future__ import annotations

from typing import Any

from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.objects.listmaps import SETS, keys_of


class PatchError(Exception):
    """The patch does not fit the object."""


# ---- RFC 7386


def merge_patch(target: Any, patch: Any) -> Any:
    """A copy of ``target`` with the patch merged in; None removes a key."""
    if not isinstance(patch, dict):
        return copied(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


# ---- RFC 6902


def json_patch(document: Any, operations: list[dict[str, Any]]) -> Any:
    """A copy of the document with each operation applied; raises `PatchError` for one that does not fit."""
    document = copied(document)
    for operation in operations:
        document = _operate(document, operation)
    return document


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    kind, path = operation["op"], _path(operation["path"])
    if kind in ("move", "copy"):
        value = copied(_find(document, _path(operation["from"]), operation))
        if kind == "move":
            document = _operate(document, {"op": "remove", "path": operation["from"]})
        return _operate(document, {"op": "add", "path": operation["path"], "value": value})
    if not path:
        return copied(operation["value"])
    parent, last = _find(document, path[:-1], operation), path[-1]
    try:
        if kind == "test":
            found = parent[int(last)] if isinstance(parent, list) else parent.get(last)
            if found != operation.get("value"):
                raise PatchError(f"testing value {operation['path']} failed")
        elif isinstance(parent, list):
            _change_list(parent, kind, last, operation)
        elif kind == "remove":
            del parent[last]
        elif kind == "replace" and last not in parent:
            raise KeyError(last)
        else:
            parent[last] = copied(operation["value"])
    except (KeyError, IndexError, ValueError) as error:
        raise _misses(operation) from error
    return document


def _change_list(items: list[Any], kind: str, last: str, operation: dict[str, Any]) -> None:
    if kind == "add":
        items.insert(len(items) if last == "-" else int(last), copied(operation["value"]))
    elif kind == "replace":
        items[int(last)] = copied(operation["value"])
    else:
        del items[int(last)]


def _path(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _find(document: Any, path: list[str], operation: dict[str, Any]) -> Any:
    for part in path:
        try:
            document = document[int(part)] if isinstance(document, list) else document[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise _misses(operation) from error
    return document


def _misses(operation: dict[str, Any]) -> PatchError:
    return PatchError(f"{operation['op']} operation does not apply: doc is missing path: {operation['path']}")


# ---- strategic merge


def strategic_merge(target: Any, patch: Any, field: str | None = None) -> Any:
    """A copy of ``target`` with the patch merged in, lists by their merge keys, with the ``$`` directives."""
    if isinstance(patch, list):
        return _merge_list(target if isinstance(target, list) else [], patch, field)
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: copied(value) for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    merged = _directed(dict(target) if isinstance(target, dict) else {}, patch)
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = strategic_merge(merged.get(key), value, key)
    for key, order in patch.items():
        if key.startswith("$setElementOrder/"):
            name = key.split("/", 1)[1]
            merged[name] = _ordered(merged.get(name) or [], order)
    return merged


def _directed(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    for key, value in patch.items():
        if key == "$retainKeys":
            target = {name: item for name, item in target.items() if name in value}
        elif key.startswith("$deleteFromPrimitiveList/"):
            name = key.split("/", 1)[1]
            target[name] = [item for item in target.get(name, []) if item not in value]
    return target


def _merge_list(target: list[Any], patch: list[Any], field: str | None) -> list[Any]:
    keys = keys_of(field, [*patch, *target], strategic=True)
    if not keys:
        return [*target, *(item for item in patch if item not in target)] if field in SETS else copied(patch)
    if any(item.get("$patch") == "replace" for item in patch):
        return [copied(item) for item in patch if item.get("$patch") != "replace"]
    merged = copied(target)
    for item in patch:
        same = (n for n, other in enumerate(merged) if all(other.get(key) == item.get(key) for key in keys))
        index = next(same, None)
        if item.get("$patch") == "delete":
            if index is not None:
                del merged[index]
        elif index is None:
            merged.append(strategic_merge({}, item))
        else:
            merged[index] = strategic_merge(merged[index], item)
    return merged


def _ordered(items: list[Any], order: list[Any]) -> list[Any]:
    if not order or not isinstance(order[0], dict):
        return [item for item in order if item in items] + [item for item in items if item not in order]
    keys = tuple(order[0])
    places = {tuple(item.get(key) for key in keys): place for place, item in enumerate(order)}
    return sorted(items, key=lambda item: places.get(tuple(item.get(key) for key in keys), len(places)))
