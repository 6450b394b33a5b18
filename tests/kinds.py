"""Every kind that a test of this process may meet: the product's, and the tests' own that are imported by now."""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy import stack  # noqa: F401 - imports the product's kinds
from livekit_deploy.engine.resource import Resource


def _below(kind: type[Resource]) -> Iterator[type[Resource]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def kinds() -> dict[str, type[Resource]]:
    return {kind.kind: kind for kind in _below(Resource) if kind.kind}
