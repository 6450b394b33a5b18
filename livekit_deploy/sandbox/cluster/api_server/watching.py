"""Watches: streams of changes from a version on, with bookmarks and a time limit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from livekit_deploy.sandbox.cluster.api_server.tables import table
from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj
from livekit_deploy.sandbox.cluster.objects.selectors import fields_match, labels_match
from livekit_deploy.sandbox.cluster.store.store import Event, Store

_LONGEST_SECONDS = 1800.0
_TICK_SECONDS = 1.0
_BOOKMARK_SECONDS = 60.0
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Watch:
    """One watch request. Iterating gives lines, and None now and then so that a client that left is noticed.

    With ``table`` each object comes as a table of one row, and only the first with its headings.
    """

    def __init__(
        self, store: Store, kind: Kind, namespace: str | None, query: dict[str, str], *, table: bool = False
    ) -> None:
        self._store, self._kind, self._namespace, self._query = store, kind, namespace, query
        self._bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        self._since = 0
        self._table, self._headed = table, False

    def __iter__(self) -> Iterator[bytes | None]:
        deadline = time.monotonic() + float(self._query.get("timeoutSeconds") or _LONGEST_SECONDS)
        try:
            yield from self._start()
        except ApiError as error:
            yield _line("ERROR", error.status())
            return
        marked = time.monotonic()
        while time.monotonic() < deadline:
            lines = self._next(deadline)
            yield from lines
            if self._bookmarks and time.monotonic() - marked > _BOOKMARK_SECONDS:
                marked = time.monotonic()
                yield self._bookmark()
            if not lines:
                yield None

    def _start(self) -> list[bytes]:
        version, initial = self._query.get("resourceVersion") or "", self._query.get("sendInitialEvents") == "true"
        with self._store.lock:
            if not initial and version not in ("", "0"):
                self._since = int(version)
                if self._since < self._store.floor:
                    said = f"too old resource version: {version} ({self._store.floor})"
                    raise ApiError(410, said, "Expired")
                return []
            self._since = self._store.version
            selectors = self._query.get("labelSelector"), self._query.get("fieldSelector")
            found = self._store.select(self._kind, self._namespace, *selectors)
            lines = [_line("ADDED", self._shown(item)) for item in found]
        return [*lines, self._bookmark(_INITIAL_END)] if initial else lines

    def _next(self, deadline: float) -> list[bytes]:
        with self._store.changed:
            if not self._store.events or self._store.events[-1].version <= self._since:
                self._store.changed.wait(min(_TICK_SECONDS, max(0.01, deadline - time.monotonic())))
            fresh = []
            for event in reversed(self._store.events):
                if event.version <= self._since:
                    break
                fresh.append(event)
            if fresh:
                self._since = fresh[0].version
        told = ((self._type(event), event) for event in reversed(fresh) if event.storage == self._kind.storage)
        return [_line(type, self._shown(event.item)) for type, event in told if type]

    def _type(self, event: Event) -> str | None:
        """How the change looks through the selectors: what enters is added, what leaves is deleted."""
        is_in = self._wanted(event.item)
        was_in = event.before is not None and self._wanted(event.before)
        if event.type == "DELETED":
            return "DELETED" if was_in or is_in else None
        if is_in:
            return "MODIFIED" if was_in else "ADDED"
        return "DELETED" if was_in else None

    def _wanted(self, item: Obj) -> bool:
        metadata = item["metadata"]
        return (
            self._namespace in (None, metadata.get("namespace"))
            and labels_match(self._query.get("labelSelector"), metadata.get("labels") or {})
            and fields_match(self._query.get("fieldSelector"), item)
        )

    def _shown(self, item: Obj) -> Obj:
        if not self._table:
            return self._versioned(item)
        headed, self._headed = self._headed, True
        include = self._query.get("includeObject") or "Metadata"
        return table(self._kind, self._versioned(item), include, heading=not headed)

    def _versioned(self, item: Obj) -> Obj:
        return {**item, "apiVersion": self._kind.api_version}

    def _bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        metadata: Obj = {"resourceVersion": str(self._since), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        return _line("BOOKMARK", {**self._versioned({"kind": self._kind.kind}), "metadata": metadata})


def _line(type: str, item: Obj) -> bytes:
    return json.dumps({"type": type, "object": item}, separators=(",", ":")).encode() + b"\n"
