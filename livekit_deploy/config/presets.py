"""The values of `preset: dev | uat | prod`. The file and overrides win over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # the least that works: two zones, one media node that carries everything, one small Redis
    "dev": {
        "network": {"availability_zones": 2},
        "cluster": {"public_cidrs": ["0.0.0.0/0"], "logs": [], "log_retention_days": 7, "secrets_key": False},
        "nodes": {"media": {"instance_types": ["c6i.large"], "min": 1, "desired": 1, "max": 2}},
        "redis": {"node_type": "cache.t4g.micro", "replicas": 0},
        "load_balancer_controller": {"replicas": 1},
        "livekit": {"replicas": 1},
    },
    # as production, smaller: spread over three zones, a Redis that survives a zone
    "uat": {
        "network": {"availability_zones": 3},
        "cluster": {"log_retention_days": 30},
        "nodes": {
            "media": {"instance_types": ["c6i.2xlarge"], "min": 2, "desired": 2, "max": 6},
            "system": {"instance_types": ["t3.medium"], "min": 2, "desired": 2, "max": 3},
        },
        "redis": {"node_type": "cache.t4g.small", "replicas": 1, "multi_az": True, "snapshot_retention_days": 1},
        "livekit": {"replicas": 2},
    },
    # guarded: nothing is deleted by mistake, private nodes have a NAT gateway in each zone
    "prod": {
        "protect": True,
        "network": {"availability_zones": 3, "nat": "per_az", "flow_logs": True},
        "cluster": {
            "logs": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
            "log_retention_days": 90,
            "deletion_protection": True,
        },
        "nodes": {
            "media": {"instance_types": ["c6i.4xlarge"], "min": 3, "desired": 3, "max": 12},
            "system": {"instance_types": ["m6i.large"], "min": 3, "desired": 3, "max": 6},
        },
        "redis": {"node_type": "cache.m7g.large", "replicas": 2, "multi_az": True, "snapshot_retention_days": 7},
        "livekit": {"replicas": 3},
    },
}


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Later layers win, key by key in nested mappings; lists are replaced whole."""
    found: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            before = found.get(key)
            found[key] = merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return found


def leaves() -> list[tuple[str, ...]]:
    """Every key that a preset gives a value."""
    return list(dict.fromkeys(leaf for preset in PRESETS.values() for leaf in _leaves(preset, ())))


def _leaves(values: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        yield from _leaves(value, (*at, key)) if isinstance(value, dict) else [(*at, key)]
