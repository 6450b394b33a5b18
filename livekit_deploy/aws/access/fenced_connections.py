"""HTTP connections that check the lease once more when they are established, right before the request is written.

Between the first question and the first byte lie the name, each of its addresses, a proxy and TLS: together they can
take longer than a call may. What is asked here comes after all of them; nothing but the write of the request follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from urllib3 import HTTPConnectionPool

Pools = Mapping[str, type[HTTPConnectionPool]]


def asking(pools: Pools, ask: Callable[[], object]) -> dict[str, type[HTTPConnectionPool]]:
    """The same pools, by the scheme of their URLs; each connection calls ``ask``, which may raise, once it is there."""
    return {scheme: _asking(pool, ask) for scheme, pool in pools.items()}


def _asking(pool: type[HTTPConnectionPool], ask: Callable[[], object]) -> type[HTTPConnectionPool]:
    base: Any = pool.ConnectionCls

    class Connection(base):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            ask()

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})
