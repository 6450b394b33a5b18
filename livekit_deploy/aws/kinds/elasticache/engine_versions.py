"""Versions of ElastiCache's engines: ``8.0`` in an environment file, ``8.0.1`` in AWS."""

from __future__ import annotations

import re

#: how the names of ElastiCache's own groups of parameters begin
DEFAULT = "default."


def order(version: str) -> list[int]:
    """Its numbers, to compare it by."""
    return [int(part) for part in re.findall(r"\d+", version)]


def later_minor(want: str, have: str) -> bool:
    """Whether what runs is of the same major version as what is wanted, and of a later minor one."""
    mine, theirs = order(want), order(have)
    return mine[:1] == theirs[:1] and theirs[: len(mine)] > mine


def family(engine: str, version: str) -> str:
    """The family of parameters that a version takes: ``valkey8``, and ``redis6.x`` for the oldest
    (ElastiCache API reference, CreateCacheParameterGroup)."""
    major = version.partition(".")[0]
    return f"{engine}{major}.x" if (engine, major) == ("redis", "6") else f"{engine}{major}"


def default_group(engine: str, version: str) -> str:
    """The group of parameters that ElastiCache gives a version by itself."""
    return f"{DEFAULT}{family(engine, version)}"


def as_given(version: str) -> str:
    """As an environment file gives it: ``8.1`` of ``8.1.1``."""
    return ".".join(version.split(".")[:2])
