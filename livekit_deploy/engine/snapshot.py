"""Reads the live state: one scan for each kind, in parallel, and single reads for what no scan shows.

A scan asks lists, and those may be late: they miss what is new, and show what has changed or is gone as it was. So an
object is taken from a scan only by its recorded id, and what has no record, or would be changed, is read by itself.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from livekit_deploy.base import call_log
from livekit_deploy.engine.cloud import Cloud
from livekit_deploy.engine.resource import Found, Live, Resource
from livekit_deploy.errors import Denied, DeployError, NotOurs, ResourceError

T = TypeVar("T")
U = TypeVar("U")

_READERS = 16


def together(call: Callable[[T], U], items: Sequence[T]) -> list[U]:
    """``[call(item) for item in items]``, in parallel threads that see the caller's context."""
    if not items:
        return []
    with ThreadPoolExecutor(min(_READERS, len(items))) as pool:
        futures = [pool.submit(contextvars.copy_context().run, call, item) for item in items]
        return [future.result() for future in futures]


#: how a read or a scan is made: once, or again while what it says passes by itself
Patient = Callable[[Resource | type[Resource], Callable[[], Any]], Any]


def once(item: Resource | type[Resource], read: Callable[[], Any]) -> Any:
    """The read as it is."""
    return read()


class Snapshot:
    """The objects that carry our tags, found by kind; ``cloud`` should remember its reads.

    With ``unseen`` a kind that cannot be listed ends nothing: it is put there, with why.
    """

    def __init__(self, cloud: Cloud, patient: Patient = once, unseen: dict[str, str] | None = None) -> None:
        self._cloud, self._patient, self._unseen = cloud, patient, unseen
        self._kinds: dict[str, type[Resource]] = {}
        self._found: dict[str, list[Found]] = {}
        self._by_id: dict[tuple[str, str], Live] = {}
        self._reads: dict[tuple[str, str | None], Live | Denied | NotOurs | None] = {}

    def scan(self, kinds: Iterable[type[Resource]]) -> None:
        """Scan every kind; those that live in a host after the kinds of their hosts."""
        every = {kind.kind: kind for kind in kinds}
        self._kinds |= every
        free = [kind for kind in every.values() if not kind.host_kind]
        hosted = [kind for kind in every.values() if kind.host_kind]
        self._found |= dict(together(lambda kind: self._scanned(kind, None), free))
        pairs = [(kind, host.live) for kind in hosted for host in self._found.get(kind.host_kind, [])]
        for kind in hosted:
            self._found[kind.kind] = []
        for name, found in together(lambda pair: self._scanned(*pair), pairs):
            self._found[name] += found
        for name in every:
            for item in reversed(self._found[name]):  # of two with one id the first counts
                self._by_id[name, item.live.id] = item.live

    def _scanned(self, kind: type[Resource], host: Live | None) -> tuple[str, list[Found]]:
        try:
            found = self._patient(kind, lambda: list(kind.scan(self._cloud, host)))
        except (ResourceError, NotOurs) as error:
            self._pass_over(kind, error)
            found = []
        return kind.kind, [one for one in found if not (one.live.tags and self._cloud.ownership.others(one.live.tags))]

    def _pass_over(self, kind: type[Resource], error: DeployError) -> None:
        """Note that a kind cannot be seen; raises the error where nobody asked for that."""
        if self._unseen is None:
            raise error
        self._unseen.setdefault(kind.kind, str(error))

    def prefetch(self, wanted: Iterable[tuple[Resource, str | None]]) -> None:
        """Read, in parallel, what no scan showed."""
        missing = [(item, id) for item, id in wanted if self.shown(item.kind, id) is None and not _hostless(item)]
        self._reads |= dict(together(lambda pair: ((pair[0].address, pair[1]), self._read(*pair)), missing))

    def _read(self, resource: Resource, id: str | None) -> Live | Denied | NotOurs | None:
        try:
            with call_log.made_for(resource.address):
                found: Live | None = self._patient(resource, lambda: resource.read(self._cloud, id))
                return found
        except NotOurs as error:  # as is what follows from it
            return error
        except ResourceError as error:
            error.address = error.address or resource.address
            if isinstance(error, Denied):  # whether that is an error depends on what else is about to change
                return error
            raise

    def look(self, resource: Resource, recorded_id: str | None) -> Live | None:
        """The resource as it is: from the scan, else by a read of its own. A host that is absent makes it absent.

        Raises `Denied` when it may not be read, `NotOurs` when it is somebody else's.
        """
        if _hostless(resource):
            return None
        return self.shown(resource.kind, recorded_id) or self.confirmed(resource, recorded_id)

    def confirmed(self, resource: Resource, recorded_id: str | None) -> Live | None:
        """The resource by a read of its own, whatever a scan showed. Raises as `look` does."""
        key = (resource.address, recorded_id)
        if key not in self._reads:
            self._reads[key] = self._read(resource, recorded_id)
        found = self._reads[key]
        if isinstance(found, Denied | NotOurs):
            raise found
        return found

    def untracked(self, known: Mapping[str, str | None]) -> list[tuple[str, Found]]:
        """(kind, object) of ours that no address accounts for; ``known`` maps each address to the id it keeps."""
        found = [
            (kind, item)
            for kind, found in self._found.items()
            for item in found
            if item.address and (item.address not in known or known[item.address] not in (None, item.live.id))
        ]
        there = together(lambda pair: self._exists(self._kinds[pair[0]], pair[1].live), found)
        return [pair for pair, exists in zip(found, there, strict=True) if exists]

    def _exists(self, kind: type[Resource], live: Live) -> bool:
        try:
            return kind.exists(self._cloud, live)
        except ResourceError as error:
            self._pass_over(kind, error)
            return False

    def shown(self, kind: str, id: str | None) -> Live | None:
        """The object with this id, where a scan found it."""
        return self._by_id.get((kind, id)) if id is not None else None

    def addresses(self, kind: str) -> set[str]:
        """The addresses of a kind that a scan found something at."""
        return {item.address for item in self._found.get(kind, [])}


def _hostless(resource: Resource) -> bool:
    return resource.lives_in is not None and resource.host is None
