"""What botocore makes anew for every session and client, though it is always the same, is made once in a process.

Every test has clients of its own; to make them took a third of the time of the tests of AWS. What a test sees of a
client is what it sees of any other: what is shared here is only read.
"""

from __future__ import annotations

import functools
import inspect
from types import CodeType
from typing import Any

import botocore.hooks
import botocore.loaders
import botocore.session
from botocore.client import BaseClient, ClientCreator
from botocore.endpoint_provider import EndpointProvider, RuleSet
from botocore.hooks import EventAliaser, NodeList
from botocore.loaders import Loader
from botocore.model import ServiceModel

#: by the ids of what they are made of, which is kept with them: an id is of one thing as long as the thing lives
_models: dict[tuple[int, str], tuple[Any, ServiceModel]] = {}
_rules: dict[tuple[int, int], tuple[Any, RuleSet]] = {}
_classes: dict[tuple[Any, ...], tuple[Any, type]] = {}
#: names of events without their aliases
_names: dict[str, str] = {}
_load, _make = ClientCreator._load_service_model, ClientCreator._create_client_class
_begin, _accepts = EventAliaser.__init__, botocore.hooks.accepts_kwargs


def install() -> None:
    """From now on, for every session and client of this process."""
    botocore.session.create_loader = functools.cache(_loader)
    ClientCreator._load_service_model = _load_service_model
    ClientCreator._create_client_class = _create_client_class
    EndpointProvider.__init__ = _provider
    EventAliaser.__init__ = _aliaser
    botocore.hooks.accepts_kwargs = _accepts_kwargs
    botocore.hooks._PrefixTrie._recursive_copy = lambda trie, node: _copied(node)


class _Paths(list[str]):
    """Each stands in it once, however many sessions add it."""

    def append(self, path: str) -> None:
        if path not in self:
            super().append(path)


def _loader(search_path: str | None = None) -> Loader:
    made = botocore.loaders.create_loader(search_path)
    made._search_paths = _Paths(made._search_paths)
    return made


def _load_service_model(creator: Any, service_name: str, api_version: str | None = None) -> ServiceModel:
    described = creator._loader.load_service_model(service_name, "service-2", api_version=api_version)
    key = id(described), service_name
    if key not in _models:
        _models[key] = described, _load(creator, service_name, api_version)
    return _models[key][1]


def _create_client_class(creator: Any, service_name: str, service_model: ServiceModel) -> type:
    """Listeners add methods and bases to a class, and not the same with every session."""
    added: dict[str, Any] = {}
    bases: list[type] = [BaseClient]
    event = f"creating-client-class.{service_model.service_id.hyphenize()}"
    creator._event_emitter.emit(event, class_attributes=added, base_classes=bases)
    key = (id(service_model), *sorted(added), *bases)
    if key not in _classes:
        _classes[key] = service_model, _make(creator, service_name, service_model)
    return _classes[key][1]


def _provider(provider: Any, ruleset_data: Any, partition_data: Any, excluded_params: Any = None) -> None:
    key = id(ruleset_data), id(partition_data)
    if key not in _rules:
        _rules[key] = (ruleset_data, partition_data), RuleSet(**ruleset_data, partitions=partition_data)
    provider.ruleset = _rules[key][1]
    provider._excluded_params = excluded_params or frozenset()


def _aliaser(aliaser: Any, event_emitter: Any, event_aliases: Any = None) -> None:
    _begin(aliaser, event_emitter, event_aliases)
    if aliaser._event_aliases == botocore.hooks.EVENT_ALIASES:
        aliaser._alias_name_cache = _names


def _accepts_kwargs(function: Any) -> Any:
    """Whether it takes any keyword; botocore asks for the whole signature of each listener each time."""
    plain = getattr(function, "__func__", function)
    code = getattr(plain, "__code__", None)
    if isinstance(code, CodeType) and not hasattr(plain, "__wrapped__"):
        return bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return _accepts(function)


def _copied(node: dict[str, Any]) -> dict[str, Any]:
    """A part of the listeners by event, of which each client has a copy."""
    return {key: _copy(value) for key, value in node.items()}


def _copy(value: Any) -> Any:
    if type(value) is dict:
        return _copied(value)
    if type(value) is NodeList:
        return NodeList(value.first[:], value.middle[:], value.last[:])
    return value
