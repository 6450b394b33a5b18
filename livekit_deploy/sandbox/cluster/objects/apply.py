"""Server-side apply: field ownership, conflicts, and fields that are removed when their owner drops them.

A path is a tuple of steps: ``("f", name)`` into a map, ``("k", keys)`` to an item of a list that is a map, ``("v",
value)`` to a value of a set, ``(".", "")`` for an item itself. Source: Kubernetes, "Server-Side Apply".
"""

from __future__ import annotations

import json
from typing import Any

from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.objects.listmaps import ATOMIC, SETS, key, keys_of

Obj = dict[str, Any]
Step = tuple[str, str]
Path = tuple[Step, ...]
#: manager, operation, subresource
Manager = tuple[str, str, str]

_NOT_OWNED = frozenset(
    {
        "name",
        "namespace",
        "managedFields",
        "resourceVersion",
        "uid",
        "creationTimestamp",
        "generation",
        "selfLink",
        "deletionTimestamp",
        "generateName",
    }
)


def paths(value: Any, field: str | None = None, at: Path = ()) -> set[Path]:
    """What applying ``value`` owns: its leaves, and the items of its keyed lists."""
    if isinstance(value, dict) and value and field not in ATOMIC:
        return _map_paths(value, at)
    if isinstance(value, list) and value:
        if field in SETS:
            return {(*at, ("v", json.dumps(item))) for item in value}
        keys = keys_of(field, value)
        if keys and all(isinstance(item, dict) for item in value):
            return _item_paths(value, keys, at)
    return {at}


def _map_paths(value: Obj, at: Path) -> set[Path]:
    found: set[Path] = set()
    for name, item in value.items():
        if not at and name in ("apiVersion", "kind"):
            continue
        if at == (("f", "metadata"),) and name in _NOT_OWNED:
            continue
        found |= paths(item, name, (*at, ("f", name)))
    return found


def _item_paths(items: list[Obj], keys: tuple[str, ...], at: Path) -> set[Path]:
    found: set[Path] = set()
    for item in items:
        name = json.dumps(dict(key(item, keys)), sort_keys=True, separators=(",", ":"))
        here = (*at, ("k", name))
        found |= {(*here, (".", ""))} | paths(item, None, here)
    return found


def value_at(item: Any, path: Path) -> Any:
    """The value at a path, None for none."""
    for kind, name in path:
        if kind == ".":
            return True
        if kind == "f":
            if not isinstance(item, dict) or name not in item:
                return None
            item = item[name]
        elif kind == "v":
            return name if isinstance(item, list) and json.loads(name) in item else None
        else:
            item = _keyed(item, name)
            if item is None:
                return None
    return item


def _keyed(items: Any, name: str) -> Any:
    wanted = tuple(json.loads(name).items())
    return next(
        (item for item in items or [] if isinstance(item, dict) and key(item, [one for one, _ in wanted]) == wanted),
        None,
    )


def _remove(item: Obj, path: Path) -> None:
    """Remove what is at a path, and the maps and lists that become empty by it."""
    holders: list[tuple[Any, Step]] = []
    current: Any = item
    for step in path[:-1]:
        holders.append((current, step))
        current = value_at(current, (step,))
        if current is None:
            return
    kind, name = path[-1]
    if kind == "f" and isinstance(current, dict):
        current.pop(name, None)
    elif kind == "v" and isinstance(current, list) and json.loads(name) in current:
        current.remove(json.loads(name))
    elif kind == "." and holders:
        items, (_, keyed) = holders[-1]
        found = _keyed(items, keyed)
        if found is not None:
            items.remove(found)
    for holder, (kind, name) in reversed(holders):
        if kind != "f" or holder.get(name) not in ({}, []):
            break
        del holder[name]


def _merged(target: Any, wanted: Any, field: str | None = None) -> Any:
    if isinstance(wanted, dict) and field not in ATOMIC:
        merged = dict(target) if isinstance(target, dict) else {}
        for name, item in wanted.items():
            if item is not None:
                merged[name] = _merged(merged.get(name), item, name)
        return merged
    if isinstance(wanted, list) and isinstance(target, list):
        if field in SETS:
            return [*target, *(item for item in wanted if item not in target)]
        keys = keys_of(field, [*wanted, *target])
        if keys:
            return _interleaved({key(item, keys): item for item in target}, {key(item, keys): item for item in wanted})
    return copied(wanted)


def _interleaved(target: dict[Any, Obj], wanted: dict[Any, Obj]) -> list[Obj]:
    """The items in the order in which they were applied, those of others among them where they were."""
    found: dict[Any, Obj] = {}
    rest = list(wanted)
    for identity, item in target.items():
        if identity not in wanted:
            found[identity] = item
        while identity in rest:
            first = rest.pop(0)
            found[first] = _merged(target.get(first), wanted[first])
    return [*found.values(), *(copied(wanted[identity]) for identity in rest)]


# ---- managed fields


def _fields(owned: set[Path]) -> Obj:
    root: Obj = {}
    for path in sorted(owned):
        current = root
        for kind, name in path:
            current = current.setdefault("." if kind == "." else f"{kind}:{name}", {})
    return root


def _owned(fields: Obj | None, at: Path = ()) -> set[Path]:
    found: set[Path] = set()
    for name, inner in (fields or {}).items():
        here = (*at, (".", "") if name == "." else (name[0], name[2:]))
        found |= _owned(inner, here) if inner else {here}
    return found


def _managers(item: Obj) -> dict[Manager, set[Path]]:
    return {
        (one["manager"], one["operation"], one.get("subresource", "")): _owned(one.get("fieldsV1"))
        for one in item["metadata"].get("managedFields") or []
    }


def _write(
    item: Obj, managers: dict[Manager, set[Path]], before: list[Obj], now: str, writer: Manager | None = None
) -> None:
    """``writer`` is who changed a value: its time is now, whether or not it owned the field before."""
    earlier = {(one["manager"], one["operation"], one.get("subresource", "")): one for one in before}
    written = []
    for (manager, operation, sub), owned in managers.items():
        if not owned:
            continue
        fields, old = _fields(owned), earlier.get((manager, operation, sub))
        same = old is not None and old.get("fieldsV1") == fields and (manager, operation, sub) != writer
        entry = {
            "manager": manager,
            "operation": operation,
            "apiVersion": item.get("apiVersion"),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
            "time": old["time"] if old is not None and same else now,
        }
        written.append({**entry, "subresource": sub} if sub else entry)
    item["metadata"]["managedFields"] = written


def show(path: Path) -> str:
    """A path as errors write it: ``.spec.containers[name="x"].image``."""
    said = ""
    for kind, name in path:
        if kind == "f":
            said += f".{name}"
        elif kind == "k":
            said += "[" + ",".join(f"{one}={json.dumps(value)}" for one, value in json.loads(name).items()) + "]"
        elif kind == "v":
            said += f"[{name}]"
    return said


def server_side_apply(
    live: Obj | None, wanted: Obj, manager: str, force: bool, now: str, sub: str = ""
) -> tuple[Obj, dict[Manager, list[Path]]]:
    """The merged object, and the conflicts (manager → paths), with which nothing is to be stored."""
    managers = _managers(live) if live else {}
    me, mine = (manager, "Apply", sub), paths(wanted)
    conflicts: dict[Manager, list[Path]] = {}
    for other, owned in managers.items():
        if other != me:
            taken = [path for path in owned & mine if _contested(path, live, wanted)]
            if taken:
                conflicts[other] = taken
    if conflicts and not force:
        return {}, conflicts
    for other, taken in conflicts.items():
        managers[other] -= set(taken)
    merged: Obj = _merged(live or {}, wanted)
    # items first: one whose key was taken from it would not be found any more
    for path in sorted(managers.get(me, set()) - mine, key=lambda path: (path[-1:] != ((".", ""),), -len(path))):
        if not any(path in owned for other, owned in managers.items() if other != me):
            _remove(merged, path)
    managers[me] = mine
    merged.setdefault("metadata", {})
    writer = me if any(value_at(live, path) != value_at(wanted, path) for path in mine) else None
    _write(merged, managers, (live or {}).get("metadata", {}).get("managedFields") or [], now, writer)
    return merged, {}


def _contested(path: Path, live: Obj | None, wanted: Obj) -> bool:
    return bool(path) and path[-1][0] != "." and value_at(live, path) != value_at(wanted, path)


def track_update(old: Obj | None, new: Obj, manager: str, now: str, sub: str = "") -> None:
    """Ownership after POST, PUT and PATCH: what changed belongs to whoever changed it."""
    managers = _managers(new)
    before, after = (paths(old) if old else set()), paths(new)
    changed = {path for path in after if path not in before or value_at(old, path) != value_at(new, path)}
    gone = before - after
    if old is not None and not changed and not gone:
        return
    for owned in managers.values():
        owned -= changed | gone
    me = (manager, "Update", sub)
    managers[me] = managers.get(me, set()) | changed
    _write(new, managers, (old or {}).get("metadata", {}).get("managedFields") or [], now, me)
