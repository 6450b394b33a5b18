"""Checks the Host header of requests, against pages whose name leads to a port of this machine (DNS rebinding)."""

from __future__ import annotations


def at_home(host: str | None, port: int) -> bool:
    """Whether its header ``Host`` has this machine's own address, and not a name that somebody lets lead here."""
    return host in (f"127.0.0.1:{port}", f"localhost:{port}")
