"""Cache parameter groups: the settings of an engine that differ from those that ElastiCache gives it.

Sources: ElastiCache API reference, CreateCacheParameterGroup, ModifyCacheParameterGroup, ResetCacheParameterGroup,
Parameter; ElastiCache user guide, "Engine specific parameters".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import pairs
from livekit_deploy.aws.kinds.elasticache.engine_versions import DEFAULT
from livekit_deploy.aws.kinds.elasticache.subnet_groups import ElastiCacheResource
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.engine.inputs import Change, Input, Output
from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import Absent

#: parameters that one call takes (API reference, ModifyCacheParameterGroup)
_AT_ONCE = 20
_RANGE = re.compile(r"(-?\d+)-(-?\d*)", re.ASCII)
_NUMBER = re.compile(r"-?\d+", re.ASCII)


class ParameterGroup(ElastiCacheResource):
    """Settings of the engine, by name; all others stay as ElastiCache gives them. It is made with none set.

    ``family`` is that of the engine's version. Source: ElastiCache API reference, CreateCacheParameterGroup.
    """

    kind = "elasticache.parameter_group"
    what, longest = "the cache parameter group", 255
    listing = ("describe_cache_parameter_groups", "CacheParameterGroups", "CacheParameterGroupName")

    family: Input[str] = Input(api="CacheParameterGroupFamily", change=Change.IMMUTABLE)
    parameters: Input[Mapping[str, str]] = Input(default={})  # set and reset by calls of their own

    group_name = Output[str]("CacheParameterGroupName")
    arn = Output[str]("ARN")

    def foreseen(self, cloud: Cloud) -> tuple[str, str]:
        """What ElastiCache will not take, by what it tells of the family's own group."""
        try:
            known = {one["ParameterName"]: one for one in _parameters(cloud, f"{DEFAULT}{self.family}")}
        except Absent:  # a version that is new: the calls themselves tell
            return "", ""
        late = [name for name in self.parameters if known.get(name, {}).get("ChangeType") == "requires-reboot"]
        for name, value in self.parameters.items():
            if (said := _refused(name, value, known, self.family)) != ("", ""):
                return said
        return "", f"Reboot each node for {', '.join(late)} to take effect, in the console." if late else ""

    # ---- verbs

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        outputs = cls.outputs_of(item)
        listed = _parameters(cloud, outputs["group_name"], Source="user")
        own = {one["ParameterName"]: one.get("ParameterValue", "") for one in listed if one.get("Source") == "user"}
        return Live(outputs["group_name"], Status.READY, {**cls.props_of(item), "parameters": own}, outputs)

    def create(self, cloud: Cloud, token: str) -> str:
        name = self.own_name(cloud)
        cloud.elasticache.create_cache_parameter_group(
            CacheParameterGroupName=name,
            Description=f"LiveKit {cloud.ownership.prefix}",
            Tags=pairs(cloud.ownership.tags(self.address, name)),
            **self.arguments(),
        )
        return name

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """One step: as many settings as a call takes, then what the file has no longer."""
        if "parameters" not in changed:
            return super().update(cloud, live, changed)
        have = live.props["parameters"]
        new = [(name, value) for name, value in sorted(self.parameters.items()) if have.get(name) != value]
        old = sorted(have.keys() - self.parameters.keys())
        if new:
            asked = [{"ParameterName": name, "ParameterValue": value} for name, value in islice(new, _AT_ONCE)]
            cloud.elasticache.modify_cache_parameter_group(CacheParameterGroupName=live.id, ParameterNameValues=asked)
        else:
            asked = [{"ParameterName": name} for name in islice(old, _AT_ONCE)]
            cloud.elasticache.reset_cache_parameter_group(CacheParameterGroupName=live.id, ParameterNameValues=asked)

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.elasticache.delete_cache_parameter_group(CacheParameterGroupName=live.id)


def _parameters(cloud: Cloud, group: str, **which: str) -> Iterator[Mapping[str, Any]]:
    yield from cloud.elasticache.pages(
        "describe_cache_parameters", "Parameters", CacheParameterGroupName=group, **which
    )


def _refused(name: str, value: str, known: Mapping[str, Mapping[str, Any]], family: str) -> tuple[str, str]:
    """(why a setting is refused or lost, what to write instead), "" for one that ElastiCache takes."""
    key = f"redis.parameters.{name}"
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"leave {key} out"
        return f"ElastiCache has no parameter {name} in {family}", remedy
    one = known[name]
    allowed, default = str(one.get("AllowedValues") or ""), str(one.get("ParameterValue", ""))
    if not one.get("IsModifiable"):
        return f"ElastiCache lets nobody change {name}", f"leave {key} out"
    if allowed and not _allows(allowed, value):
        return f"{name} cannot be {value}", f"set {key} to one of {allowed.replace(',', ', ')}"
    if value == default:
        return f"{name} is {value} already, and ElastiCache does not tell it from a setting", f"leave {key} out"
    return "", ""


def _allows(allowed: str, value: str) -> bool:
    """Whether a value is a word of the list, or in a range of it such as ``0-100`` or ``1-``."""
    for part in map(str.strip, allowed.split(",")):
        if part == value:
            return True
        if (found := _RANGE.fullmatch(part)) and _NUMBER.fullmatch(value):
            least, most = int(found[1]), int(found[2]) if found[2] else None
            if least <= int(value) and (most is None or int(value) <= most):
                return True
    return False
