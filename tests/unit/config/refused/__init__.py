"""Files that are refused, by what they are about."""

from __future__ import annotations

from tests.unit.config.refused import cluster, livekit, names, network, not_yet, redis, secrets, settings, state
from tests.unit.config.refused.case import Case

__all__ = ["CASES", "Case"]

CASES: list[Case] = [
    *names.CASES,
    *network.CASES,
    *cluster.CASES,
    *redis.CASES,
    *livekit.CASES,
    *settings.CASES,
    *not_yet.CASES,
    *secrets.CASES,
    *state.CASES,
]
