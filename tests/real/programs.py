"""Programs of the machine that the tests of the real servers need."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.real.recipes import Unavailable


def redis_server() -> Path:
    """Debian's redis-server. Raises `Unavailable`."""
    return _found("redis-server", "redis-server")


def ip() -> Path:
    """Debian's ip, which makes network namespaces. Raises `Unavailable`."""
    return _found("ip", "iproute2")


def nft() -> Path:
    """Debian's nft, which translates and drops packets. Raises `Unavailable`."""
    return _found("nft", "nftables")


def root() -> None:
    """Raises `Unavailable` for whoever may not make namespaces."""
    if os.geteuid():
        raise Unavailable("network namespaces need root")


def _found(name: str, package: str) -> Path:
    path = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/bin") or shutil.which(name)
    if path is None:
        raise Unavailable(f"{name} is not installed: apt-get install {package}")
    return Path(path)
