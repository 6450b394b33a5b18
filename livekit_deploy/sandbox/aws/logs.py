"""CloudWatch Logs: what a control plane still had to say arrives late, and makes its log group again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.logs.models import LogsBackend

from livekit_deploy.sandbox.aws.patching import around, kept


def expect_late(backend: LogsBackend, name: str) -> None:
    """Something is still on its way to this group: when it is deleted, it comes back once."""
    kept(backend, "late", set).add(name)


def install() -> None:
    """Let what is late arrive (moto forgets a group for good)."""

    @around(LogsBackend, "delete_log_group")
    def delete_log_group(original: Callable[..., Any], backend: LogsBackend, log_group_name: str) -> None:
        original(log_group_name)
        late: set[str] = kept(backend, "late", set)
        if log_group_name in late:
            late.remove(log_group_name)
            backend.create_log_group(log_group_name, {})
