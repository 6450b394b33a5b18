"""Late lists: new objects are missing, changed and deleted ones are listed as they were.

It works on answers and knows nothing of the services. What a call that makes something names, or is answered, is new;
what a call that deletes something names is gone as soon as the list itself no longer has it. Each is late for so many
answers of each list. Only what was listed before can be listed as it was.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from livekit_deploy.sandbox.aws.every_service.parameters import texts
from livekit_deploy.sandbox.faults.lists import Asked, Listing

_MAKES = ("Create", "Allocate", "Authorize", "Request", "Register", "Run", "Import")
_DELETES = ("Delete", "Release", "Revoke", "Deregister", "Terminate")


@dataclass
class _Shown:
    """An item as it is listed; ``left`` counts the answers that still have it so, None while that is how it is."""

    item: Any
    left: int | None = None


class Lateness:
    """What each list has shown, and what it has not caught up with."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: names of what was made and deleted since the lists are late → at which of these calls
        self._born: dict[str, int] = {}
        self._gone: dict[str, int] = {}
        self._calls = 0
        #: (list, id, birth) → answers that miss it yet
        self._unseen: dict[tuple[str, str, int], int] = {}
        self._shown: dict[tuple[str, str], dict[str, _Shown]] = {}

    def clear(self) -> None:
        """All lists are right again."""
        with self._lock:
            for known in (self._born, self._gone, self._unseen, self._shown):
                known.clear()

    def note(self, operation: str, parameters: Mapping[str, Any], answer: Any) -> None:
        """A call has changed something."""
        with self._lock:
            self._calls += 1
            if operation.startswith(_MAKES):
                for text in {*texts(parameters), *texts(answer)}:
                    if text not in self._born or self._gone.get(text, 0) > self._born[text]:
                        self._born[text] = self._calls
            elif operation.startswith(_DELETES):
                self._gone |= dict.fromkeys(texts(parameters), self._calls)

    def listed(
        self, place: str, listing: Listing, wanted: Asked, items: list[Any], *, last: bool, reads: int
    ) -> list[Any]:
        """What a list says in place of ``items``; ``last`` is whether they are all that there is of it."""
        with self._lock:
            known = self._shown.setdefault((place, wanted.scope), {})
            there = {_id(listing, item): item for item in items}
            found = []
            for id, item in there.items():
                if self._is_new(f"{place} {wanted.scope}", id, reads):
                    known[id] = _Shown(item)
                else:
                    found.append(self._as_it_was(known, id, item, reads))
            return [*found, *(self._dead(known, there, wanted, reads) if last else ())]

    def _is_new(self, place: str, id: str, reads: int) -> bool:
        birth = max((self._born.get(name, 0) for name in _names(id)), default=0)
        if not birth:
            return False
        left = self._unseen.setdefault((place, id, birth), reads)
        self._unseen[place, id, birth] = max(left - 1, 0)
        return left > 0

    def _as_it_was(self, known: dict[str, _Shown], id: str, item: Any, reads: int) -> Any:
        shown = known.setdefault(id, _Shown(item))
        if item == shown.item:
            shown.left = None
            return item
        shown.left = reads if shown.left is None else shown.left
        if shown.left == 0:
            known[id] = _Shown(item)
            return item
        shown.left -= 1
        return shown.item

    def _dead(self, known: dict[str, _Shown], there: Mapping[str, Any], wanted: Asked, reads: int) -> Iterator[Any]:
        for id, shown in list(known.items()):
            if id in there or not any(name in self._gone for name in _names(id)) or not _fits(shown.item, wanted):
                continue
            shown.left = reads if shown.left is None else shown.left
            if shown.left == 0:
                del known[id]
                continue
            shown.left -= 1
            yield shown.item


def _id(listing: Listing, item: Any) -> str:
    return str(item[listing.id]) if listing.id else str(item)


def _names(id: str) -> Iterator[str]:
    """What calls may call it by: an ARN ends with an id or a name."""
    yield from {id, id.rpartition("/")[2], id.rpartition(":")[2]}


def _fits(item: Any, wanted: Asked) -> bool:
    text = json.dumps(item, default=str)
    return all(any(value in text for value in values) for values in wanted.filters)
