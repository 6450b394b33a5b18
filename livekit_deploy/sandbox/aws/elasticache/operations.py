"""Replaces moto's ElastiCache with ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.elasticache.models import ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse

from livekit_deploy.sandbox.aws.elasticache.additions import ParameterGroups
from livekit_deploy.sandbox.aws.elasticache.corrections.replication_groups import ElastiCache
from livekit_deploy.sandbox.aws.elasticache.corrections.subnet_groups import SubnetGroups
from livekit_deploy.sandbox.aws.elasticache.corrections.tags import Tags
from livekit_deploy.sandbox.aws.every_service.patching import operations_of
from livekit_deploy.sandbox.clock import SandboxClock, clock

_one_at_a_time = threading.RLock()
#: what answers the operations, in methods of their names
OWNERS = (ElastiCache, SubnetGroups, ParameterGroups, Tags)


def install() -> None:
    """Replace moto's ElastiCache."""
    for owner in OWNERS:
        for name in operations_of(owner):
            setattr(ElastiCacheResponse, name, _operation(owner, name))


def _operation(owner: type, name: str) -> Callable[[Any], Any]:
    def answer(response: ElastiCacheResponse) -> Any:
        with _one_at_a_time:
            made = getattr(_opened(owner, response.elasticache_backend, clock()), name)(response._get_params())
        return ActionResult(made) if made else EmptyResult()

    return answer


def _opened(owner: type, backend: ElastiCacheBackend, clock: SandboxClock) -> Any:
    """The operations of ``owner`` on what an account and region has, brought up to date."""
    groups = ElastiCache(backend, clock)
    return groups if owner is ElastiCache else owner(backend, groups._store)
