"""Cache parameter groups, including the default ones, and the engine versions that they belong to.

Source: ElastiCache API reference, CreateCacheParameterGroup, ModifyCacheParameterGroup, DescribeCacheEngineVersions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from moto.elasticache.models import ElastiCacheBackend

from livekit_deploy.sandbox.aws.elasticache_wire import VERSIONS, Asked, Item, arn, family, refused

_NODE_TYPE = re.compile(r"cache\.(t3|t4g|m5|m6g|m7g|r5|r6g|r7g|c7gn)\.(micro|small|medium|\d*x?large)")
#: the parameters of every family here that somebody may want to change
_DEFAULTS = {"maxmemory-policy": "volatile-lru", "notify-keyspace-events": "", "timeout": "0"}


def _families() -> Iterator[str]:
    for engine, versions in VERSIONS.items():
        yield from dict.fromkeys(family(engine, version) for version in versions)


class ParameterGroups:
    """The operations on parameter groups of one account and region, over its `elasticache.Store`."""

    def __init__(self, backend: ElastiCacheBackend, store: Any) -> None:
        self._backend, self._store = backend, store
        for one in _families():
            self._store.parameters.setdefault(f"default.{one}", self._wire(f"default.{one}", one, "Default"))

    def _wire(self, name: str, family: str, description: str) -> Item:
        return {
            "CacheParameterGroupName": name,
            "CacheParameterGroupFamily": family,
            "Description": description,
            "IsGlobal": False,
            "ARN": arn(self._backend, "parametergroup", name),
            "values": dict(_DEFAULTS),
        }

    def named(self, name: str) -> Item:
        """The parameter group of that name; refuses one that there is not."""
        if name.lower() not in self._store.parameters:
            raise refused("CacheParameterGroupNotFound", f"CacheParameterGroup {name} not found.")
        found: Item = self._store.parameters[name.lower()]
        return found

    def create_cache_parameter_group(self, asked: Asked) -> Item:
        name, wanted = asked["CacheParameterGroupName"].lower(), asked["CacheParameterGroupFamily"]
        if name in self._store.parameters:
            raise refused("CacheParameterGroupAlreadyExists", f"Cache parameter group {name} already exists.")
        if wanted not in _families():
            raise refused("InvalidParameterValue", f"CacheParameterGroupFamily {wanted} is not a valid family.")
        wire = self._wire(name, wanted, asked["Description"])
        self._store.parameters[name] = wire
        self._store.tags[wire["ARN"]] = list(asked.get("Tags") or [])
        return {"CacheParameterGroup": _shown(wire)}

    def describe_cache_parameter_groups(self, asked: Asked) -> Item:
        name = asked.get("CacheParameterGroupName")
        found = [self.named(name)] if name else list(self._store.parameters.values())
        return {"CacheParameterGroups": [_shown(wire) for wire in found]}

    def describe_cache_parameters(self, asked: Asked) -> Item:
        values = self.named(asked["CacheParameterGroupName"])["values"]
        changed = {name for name, value in values.items() if value != _DEFAULTS[name]}
        found = [
            {
                "ParameterName": name,
                "ParameterValue": value,
                "Source": "user" if name in changed else "system",
                "IsModifiable": True,
            }
            for name, value in values.items()
        ]
        source = asked.get("Source")
        return {"Parameters": [one for one in found if source in (None, one["Source"])]}

    def modify_cache_parameter_group(self, asked: Asked) -> Item:
        wire = self._own(asked)
        for one in asked["ParameterNameValues"]:
            if one["ParameterName"] not in _DEFAULTS:
                raise refused("InvalidParameterValue", f"The parameter {one['ParameterName']} cannot be found.")
            wire["values"][one["ParameterName"]] = one["ParameterValue"]
        return {"CacheParameterGroupName": wire["CacheParameterGroupName"]}

    def delete_cache_parameter_group(self, asked: Asked) -> Item:
        wire = self._own(asked)
        name = wire["CacheParameterGroupName"]
        used = (group.shared["CacheParameterGroup"]["CacheParameterGroupName"] for group in self._store.groups.values())
        if name in used:
            raise refused("InvalidCacheParameterGroupState", f"{name} is in use by a cache cluster.")
        del self._store.parameters[name]
        self._store.tags.pop(wire["ARN"], None)
        return {}

    def _own(self, asked: Asked) -> Item:
        wire = self.named(asked["CacheParameterGroupName"])
        name = wire["CacheParameterGroupName"]
        if name.startswith("default."):
            raise refused("InvalidCacheParameterGroupState", f"{name} is a default group and cannot be changed.")
        return wire

    def describe_reserved_cache_nodes_offerings(self, asked: Asked) -> Item:
        kind = asked.get("CacheNodeType") or "cache.t4g.small"
        if not _NODE_TYPE.fullmatch(kind):
            raise refused("InvalidParameterValue", f"The node type {kind} is not valid.")
        offering = {"ReservedCacheNodesOfferingId": "sandbox", "CacheNodeType": kind, "Duration": 31536000}
        return {"ReservedCacheNodesOfferings": [offering]}

    def describe_cache_engine_versions(self, asked: Asked) -> Item:
        found = [
            {
                "Engine": engine,
                "EngineVersion": version,
                "CacheParameterGroupFamily": family(engine, version),
                "CacheEngineDescription": engine.capitalize(),
                "CacheEngineVersionDescription": f"{engine} version {version}",
            }
            for engine, versions in VERSIONS.items()
            for version in versions
        ]
        wanted = {
            "Engine": asked.get("Engine"),
            "EngineVersion": asked.get("EngineVersion"),
            "CacheParameterGroupFamily": asked.get("CacheParameterGroupFamily"),
        }
        fitting = [one for one in found if all(value in (None, one[key]) for key, value in wanted.items())]
        if str(asked.get("DefaultOnly")).lower() == "true":
            newest = {one["Engine"]: one for one in fitting}
            fitting = list(newest.values())
        return {"CacheEngineVersions": fitting}


def _shown(wire: Item) -> Item:
    return {key: value for key, value in wire.items() if key != "values"}
