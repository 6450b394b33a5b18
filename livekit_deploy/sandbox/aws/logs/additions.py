"""CloudWatch Logs: a deleted control plane writes late and makes its log group again; moto forgets a group for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.logs.models import LogsBackend

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, kept

#: looks at the log groups between the deletion of one and its return
_LOOKS = 1
corrected = Corrections()
install = corrected.install


def expect_late(backend: LogsBackend, name: str) -> None:
    """Something still arrives in this group: it comes back once, a while after it was deleted."""
    _late(backend)[name] = _LOOKS


def _late(backend: LogsBackend) -> dict[str, int]:
    found: dict[str, int] = kept(backend, "late", dict)
    return found


@corrected(LogsBackend)
def describe_log_groups(original: Callable[..., Any], backend: LogsBackend, *args: Any, **more: Any) -> Any:
    for name in [name for name in _late(backend) if name not in backend.groups]:
        _late(backend)[name] -= 1
        if _late(backend)[name] < 0:
            del _late(backend)[name]
            backend.create_log_group(name, {})
    return original(*args, **more)
