"""Whether a request was meant for the sandbox: a page can let a name of its own lead to any port of this machine."""

from __future__ import annotations


def at_home(host: str | None, port: int) -> bool:
    """Whether its header ``Host`` has this machine's own address, and not a name that somebody lets lead here."""
    return host in (f"127.0.0.1:{port}", f"localhost:{port}")
