"""Caches what moto computes again for each request, and replaces its linear searches with lookups."""

from __future__ import annotations

import functools
import string
from typing import Any

import werkzeug.sansio.utils
import werkzeug.test
from moto import backends
from moto.core import base_backend, responses
from moto.core.base_backend import BackendDict
from moto.ec2.models import amis
from moto.ec2.models import core as ec2_core
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix
from moto.eks import utils
from moto.kms import models as kms
from moto.moto_api._internal import moto_random
from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore

#: what the sandbox's nodes run; moto makes its images again for every account, region and reset
IMAGE = "ami-12c6146b"
_ADDRESSES = 1024


def install() -> None:
    """Remember moto's services and their addresses, the method names of its response classes, the session that it reads
    partitions with, the forms of an address and the private key of a KMS key; find a resource's tags by its id, keep
    one version more of an object without comparing all with all, and draw a random text at once."""
    services = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    responses.camelcase_to_underscores = functools.cache(responses.camelcase_to_underscores)
    base_backend.BaseBackend.urls = property(_urls)
    BackendDict.__eq__, BackendDict.__ne__ = object.__eq__, object.__ne__  # none is ever copied
    utils.Session = functools.cache(utils.Session)
    ec2_core.TaggedEC2Resource.get_tags = _tags
    _VersionedKeyStore.setlist = _keep_versions
    kms.generate_private_key = functools.cache(kms.generate_private_key)  # nobody here signs with one
    moto_random.MotoRandom.get_random_hex = _hex
    moto_random.MotoRandom.get_random_string = _text
    for module, name in ((werkzeug.test, "iri_to_uri"), (werkzeug.sansio.utils, "uri_to_iri")):
        setattr(module, name, functools.lru_cache(_ADDRESSES)(getattr(module, name)))
    amis.AMIS[:] = [image for image in amis.AMIS if image["ami_id"] == IMAGE]
    amis.load_resource = lambda path: []  # the newest images of a region: nobody here asks for one


_addresses = base_backend.BaseBackend.urls.fget
_served: dict[type, dict[str, Any]] = {}


def _urls(backend: Any) -> dict[str, Any]:
    """What a backend answers for: its class decides."""
    if type(backend) not in _served:
        _served[type(backend)] = _addresses(backend)
    return _served[type(backend)]


def _tags(resource: Any) -> list[dict[str, str]]:
    """The tags of one resource, without a search through those of all others."""
    type = EC2_PREFIX_TO_RESOURCE.get(get_prefix(resource.id), "") if resource.id else ""
    return [
        {"resource_id": resource.id, "key": key, "value": value, "resource_type": type}
        for key, value in resource.ec2_backend.tags.get(resource.id, {}).items()
    ]


def _keep_versions(store: Any, key: str, versions: list[Any]) -> None:
    """A marker of a deletion is a version too, and holds no file to let go of."""
    kept = {id(version) for version in versions}
    for version in store.getlist(key, []):
        if id(version) not in kept and isinstance(version, FakeKey):
            version.dispose()
    dict.__setitem__(store, key, versions)


def _hex(random: Any, length: int = 8) -> str:
    return "".join(random.choices("0123456789abcdef", k=length))


def _text(random: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    text = "".join(random.choices(string.ascii_letters + (string.digits if include_digits else ""), k=length))
    return text.lower() if lower_case else text
