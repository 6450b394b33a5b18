"""One of AWS's services: each call through one door, and all pages of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from livekit_deploy.aws.access.answers import Items, odd
from livekit_deploy.aws.access.clients import Clients

Call = Callable[..., Any]


class Door(Protocol):
    """What a service needs to make its calls."""

    @property
    def clients(self) -> Clients:
        """The clients that it calls through."""

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], *, retries: bool = True) -> Any:
        """Make one call and give its answer."""


class Service:
    """A client whose errors are ours, whose calls are counted, and whose reads may be remembered."""

    def __init__(self, door: Door, name: str, retries: bool) -> None:
        self._door, self._name, self._retries = door, name, retries

    if not TYPE_CHECKING:  # a type checker knows the operations that `services` declares, and no other

        def __getattr__(self, operation: str) -> Call:
            def call(**parameters: Any) -> Any:
                return self._door.call(self._name, operation, parameters, retries=self._retries)

            return call

    def pages(self, operation: str, key: str, **parameters: Any) -> Items:
        """All items under ``key`` of every page of a describe or list call; raises `OddAnswer` for a list cut short."""
        client = self._door.clients(self._name, retries=self._retries)
        if not client.can_paginate(operation):
            listed: Items = self._door.call(self._name, operation, parameters, retries=self._retries)[key]
            return listed
        paging = client.get_paginator(operation)._pagination_cfg
        asks, says = _as_list(paging["input_token"]), _as_list(paging["output_token"])
        found = Items()
        extra: dict[str, Any] = {}
        while True:
            page = self._door.call(self._name, operation, {**parameters, **extra}, retries=self._retries)
            found.call, found.path = page.call, key
            found += page.entries(key)
            cursors = [page.get(token.split(" || ")[0]) for token in says]
            before, extra = extra, {token: cursor for token, cursor in zip(asks, cursors, strict=True) if cursor}
            if extra and extra == before:
                raise odd(page.call, says[0], "is the same on two pages")
            if not extra and page.get(paging.get("more_results", "")):
                raise odd(page.call, says[0], f"is missing, and {paging['more_results']} says that there is more")
            if not extra:
                return found


def _as_list(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [value]
