"""What every controller gets: the store, the clock, the nodes, and helpers for objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.objects.kinds import Kind
from livekit_deploy.sandbox.cluster.port import NodeSpec, RedisServer
from livekit_deploy.sandbox.cluster.store import events as happened
from livekit_deploy.sandbox.cluster.store.store import Store, now

Obj = dict[str, Any]
MANAGER = "kube-controller-manager"


@dataclass
class World:
    """One cluster as its controllers see it; the store's lock is held while they run."""

    store: Store
    clock: SandboxClock
    nodes: Sequence[NodeSpec] = ()
    redis: tuple[RedisServer, ...] = ()
    #: (since when, how many of AWS's seconds) of each that runs
    _timers: dict[tuple[str, ...], tuple[float, float]] = field(default_factory=dict)
    _asked: set[tuple[str, ...]] = field(default_factory=set)
    _passed: set[tuple[str, ...]] = field(default_factory=set)
    _told: set[tuple[str, str, str]] = field(default_factory=set)

    def begin(self, nodes: Sequence[NodeSpec], redis: Sequence[RedisServer] = ()) -> None:
        """Start a round; timers that nobody asked for in the last one are forgotten."""
        self.nodes, self.redis = nodes, tuple(redis)
        self._timers = {key: timer for key, timer in self._timers.items() if key in self._asked}
        self._passed &= self._asked
        self._asked = set()

    def due(self, key: tuple[str, ...], seconds: float) -> bool:
        """Whether so many of AWS's seconds have passed since this was first asked; then it starts again."""
        self._asked.add(key)
        since, _ = self._timers.get(key, (self.clock.now(), seconds))
        self._timers[key] = since, seconds
        if not self.clock.passed(since, seconds):
            return False
        del self._timers[key]
        return True

    def lasted(self, key: tuple[str, ...], seconds: float) -> bool:
        """Whether so many of AWS's seconds have passed since this was first asked; it stays so while it is asked."""
        if key in self._passed:
            self._asked.add(key)
        elif self.due(key, seconds):
            self._passed.add(key)
        return key in self._passed

    def at_intervals(self, key: tuple[str, ...], seconds: float) -> bool:
        """Whether it was never asked, or so many of AWS's seconds ago."""
        self._asked.add(key)
        if key in self._timers and not self.clock.passed(self._timers[key][0], seconds):
            return False
        self._timers[key] = self.clock.now(), seconds
        return True

    def idle(self, most: float) -> float:
        """The real seconds until a timer ends, ``most`` at most. Where no time passes, none waits for it to."""
        if self.clock.instant:
            return most
        now = self.clock.now()
        left = (since + self.clock.real(seconds) - now for since, seconds in self._timers.values())
        return min([most, *(max(one, 0.0) for one in left)])

    def items(self, plural: str, group: str = "") -> list[Obj]:
        return self.store.items(self.store.named(plural, group))

    def status(self, kind: Kind, item: Obj, status: Obj) -> None:
        self.store.set_status(kind, item, status)

    def change(self, kind: Kind, item: Obj, **metadata: Any) -> Obj:
        """The object with some metadata replaced, stored."""
        new = copied(item)
        new["metadata"].update(metadata)
        return self.store.replace(kind, item, new, MANAGER)

    def tell(self, item: Obj, reason: str, message: str, *, source: str, warning: bool = False) -> None:
        """An Event about an object; the same of the same object is told once."""
        key = (item["metadata"]["uid"], reason, message)
        if key not in self._told:
            self._told.add(key)
            happened.tell(self.store, item, reason, message, source=source, warning=warning)


def name_of(item: Obj) -> tuple[str, str]:
    """(namespace, name)"""
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def labels_of(item: Obj) -> dict[str, str]:
    return item["metadata"].get("labels") or {}


def leaving(item: Obj) -> bool:
    """Whether it is being deleted."""
    return bool(item["metadata"].get("deletionTimestamp"))


def owned_by(item: Obj, owner: Obj) -> bool:
    uid = owner["metadata"]["uid"]
    return any(one["uid"] == uid for one in item["metadata"].get("ownerReferences") or [])


def owner_reference(owner: Obj) -> list[Obj]:
    """The reference of a controller to what it made."""
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def is_ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def condition(kind: str, holds: bool, reason: str, message: str = "", before: Sequence[Obj] | None = None) -> Obj:
    """A condition; its time of transition is kept while its status is."""
    status = "True" if holds else "False"
    for one in before or ():
        if one["type"] == kind and one["status"] == status:
            return {**one, "reason": reason, "message": message}
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now()}
