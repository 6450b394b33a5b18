"""AWS's services by the names that boto3 gives them: each call through one door, and all pages of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from livekit_deploy.aws.access.answers import Items, odd
from livekit_deploy.aws.access.clients import Clients


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

    def __getattr__(self, operation: str) -> Callable[..., Any]:
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


class Services:
    """The services that this package uses: a name that is none of these is a mistake, and mypy finds it."""

    acm: Service
    ec2: Service
    eks: Service
    elasticache: Service
    elbv2: Service
    iam: Service
    kms: Service
    logs: Service
    pricing: Service
    resourcegroupstaggingapi: Service
    route53: Service
    s3: Service
    secretsmanager: Service
    service_quotas: Service
    sts: Service

    def service(self, name: str) -> Service:
        """The service that boto3 has under this name."""
        raise NotImplementedError

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Service:
            if name not in Services.__annotations__:
                raise AttributeError(f"{type(self).__name__} has no {name}")
            return self.service(name.replace("_", "-"))


class Once(Services):
    """The same services through clients that send each request at most once."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def service(self, name: str) -> Service:
        return Service(self._door, name, retries=False)
