"""Cache parameter groups, including the default ones, and the engine versions that they belong to.

Source: ElastiCache API reference, CreateCacheParameterGroup, ModifyCacheParameterGroup, DescribeCacheEngineVersions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from moto.elasticache.models import ElastiCacheBackend

from livekit_deploy.sandbox.aws.elasticache.store import Store
from livekit_deploy.sandbox.aws.elasticache.wire import VERSIONS, Asked, Item, arn, family, refused

_NODE_TYPE = re.compile(r"cache\.(t3|t4g|m5|m6g|m7g|r5|r6g|r7g|c7gn)\.(micro|small|medium|\d*x?large)")
_POLICIES = "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction"
_AT_ONCE = 20


@dataclass(frozen=True)
class Parameter:
    """A parameter of a family: its default, and what else it may be ("" for any text)."""

    default: str
    allowed: str = "0-"
    modifiable: bool = True
    change: str = "immediate"


#: parameters that every family here has (ElastiCache user guide, "Engine specific parameters"), some of the many
_KNOWN = {
    "activerehashing": Parameter("yes", "yes,no"),
    "client-output-buffer-limit-normal-hard-limit": Parameter("0"),
    "client-output-buffer-limit-pubsub-hard-limit": Parameter("33554432"),
    "client-output-buffer-limit-pubsub-soft-limit": Parameter("8388608"),
    "client-output-buffer-limit-pubsub-soft-seconds": Parameter("60"),
    "cluster-enabled": Parameter("no", "no,yes", change="requires-reboot"),
    "databases": Parameter("16", "1-1200000", change="requires-reboot"),
    "maxclients": Parameter("65000", "1-65000", modifiable=False),
    "maxmemory-policy": Parameter("volatile-lru", _POLICIES),
    "notify-keyspace-events": Parameter("", ""),
    "reserved-memory-percent": Parameter("25", "0-100"),
    "slowlog-log-slower-than": Parameter("10000", "-1-"),
    "slowlog-max-len": Parameter("128"),
    "tcp-keepalive": Parameter("300"),
    "timeout": Parameter("0", "0,20-"),
}


def _families() -> Iterator[str]:
    for engine, versions in VERSIONS.items():
        yield from dict.fromkeys(family(engine, version) for version in versions)


class ParameterGroups:
    """The operations on parameter groups of one account and region, over its `elasticache.Store`."""

    def __init__(self, backend: ElastiCacheBackend, store: Store) -> None:
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
            "values": {},
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
        found = [
            {
                "ParameterName": name,
                "ParameterValue": values.get(name, one.default),
                "Source": "user" if name in values else "system",
                "DataType": "integer" if one.default.isdigit() else "string",
                **({"AllowedValues": one.allowed} if one.allowed else {}),
                "IsModifiable": one.modifiable,
                "ChangeType": one.change,
            }
            for name, one in _KNOWN.items()
        ]
        source = asked.get("Source")
        return {"Parameters": [one for one in found if source in (None, one["Source"])]}

    def modify_cache_parameter_group(self, asked: Asked) -> Item:
        wire = self._own(asked)
        for one in _named(asked):
            name, value = one["ParameterName"], one["ParameterValue"]
            if not _KNOWN[name].modifiable:
                raise refused("InvalidParameterValue", f"The parameter {name} cannot be modified.")
            if not _allows(_KNOWN[name].allowed, value):
                raise refused("InvalidParameterValue", f"The value {value} is not valid for the parameter {name}.")
            if value == _KNOWN[name].default:
                wire["values"].pop(name, None)  # shown as any other default
            else:
                wire["values"][name] = value
        return {"CacheParameterGroupName": wire["CacheParameterGroupName"]}

    def reset_cache_parameter_group(self, asked: Asked) -> Item:
        wire = self._own(asked)
        names = list(_KNOWN) if asked.get("ResetAllParameters") else [one["ParameterName"] for one in _named(asked)]
        for name in names:
            wire["values"].pop(name, None)
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


def _named(asked: Asked) -> list[Item]:
    found: list[Item] = asked.get("ParameterNameValues") or []
    if not 1 <= len(found) <= _AT_ONCE:
        raise refused("InvalidParameterCombination", f"1 to {_AT_ONCE} parameters may be given, not {len(found)}.")
    for one in found:
        if one["ParameterName"] not in _KNOWN:
            raise refused("InvalidParameterValue", f"The parameter {one['ParameterName']} cannot be found.")
    return found


def _allows(allowed: str, value: str) -> bool:
    if not allowed or value in allowed.split(","):
        return True
    ranges = (found for part in allowed.split(",") if (found := re.fullmatch(r"(-?\d+)-(\d*)", part)))
    number = int(value) if re.fullmatch(r"-?\d+", value) else None
    return number is not None and any(int(a) <= number <= int(b or number) for a, b in (one.groups() for one in ranges))


def _shown(wire: Item) -> Item:
    return {key: value for key, value in wire.items() if key != "values"}
