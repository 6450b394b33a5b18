"""Eventual consistency: new objects are missing from the next reads, while writes work on them already.

moto keeps everything in containers on its backends. What a call adds to them is taken out again for the length of a
read, so that any kind of object can be late without code of its own.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.base_backend import BaseBackend

_OURS = ("moto.", "livekit_deploy.sandbox.")
_READS = ("Describe", "List", "Get", "Head")
_GONE = object()
Container = dict[Any, Any] | list[Any] | set[Any]


@dataclasses.dataclass
class _Late:
    """What one call made: (container, key or item) that reads of the service miss for so many times more."""

    service: str
    reads: int
    made: list[tuple[Container, Any]]


class Hiding:
    """What is late at present."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._late: list[_Late] = []

    def making(self, backend: BaseBackend, service: str, reads: int, call: Callable[[], Any]) -> Any:
        """Make the call, and hide what it added to the backend from the next reads of the service."""
        with self._lock:
            before = {id(one): (one, _members(one)) for one in _containers(backend)}
            answer = call()
            made = [(one, item) for one, old in before.values() for item in _added(one, old)]
            self._late.append(_Late(service, reads, made))
            return answer

    @property
    def active(self) -> bool:
        """Whether anything is late."""
        return bool(self._late)

    def clear(self) -> None:
        with self._lock:
            self._late.clear()

    def around(self, service: str, operation: str, call: Callable[[], Any]) -> Any:
        """Make a call; a read does not see what is late."""
        if not self._late or not operation.startswith(_READS):
            return call()
        with self._lock, self._hidden():
            answer = call()
            for late in self._late:
                late.reads -= late.service == service
            self._late = [late for late in self._late if late.reads > 0]
            return answer

    @contextmanager
    def _hidden(self) -> Iterator[None]:
        taken = [(one, item, _take(one, item)) for late in self._late for one, item in late.made]
        try:
            yield
        finally:
            for one, item, value in taken:
                _put(one, item, value)


def _containers(root: Any) -> Iterator[Container]:
    """Every container that hangs on a backend, through objects of moto and the sandbox, each once."""
    seen, todo = set[int](), [root]
    while todo:
        one = todo.pop()
        if id(one) in seen or (isinstance(one, BaseBackend) and one is not root):
            continue
        seen.add(id(one))
        if isinstance(one, dict):
            yield one
            todo += one.values()
        elif isinstance(one, list | set):
            yield one
            todo += one
        elif type(one).__module__.startswith(_OURS):
            todo += getattr(one, "__dict__", {}).values()


def _members(one: Container) -> list[Any]:
    return list(one)


def _added(one: Container, before: list[Any]) -> list[Any]:
    if isinstance(one, list):
        old = {id(item) for item in before}
        return [item for item in one if id(item) not in old]
    return [item for item in one if item not in before]


def _take(one: Container, item: Any) -> Any:
    """What was there, to be put back; `_GONE` when it has been deleted since."""
    if isinstance(one, dict):
        return _plain(one).pop(one, item, _GONE)
    if item not in one:
        return _GONE
    one.remove(item)
    return item


def _plain(one: dict[Any, Any]) -> Any:
    """Its methods without those of moto, which translate keys; an ordered one keeps an order of its own."""
    return OrderedDict if isinstance(one, OrderedDict) else dict


def _put(one: Container, item: Any, value: Any) -> None:
    if value is _GONE:
        return
    if isinstance(one, dict):
        _plain(one).__setitem__(one, item, value)
    elif isinstance(one, list):
        one.append(item)
    else:
        one.add(item)
