"""The log: events as structlog lines, to stderr with -v, to a file with --log-file, for people or as JSON."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from livekit_deploy.events import Event


def configure(form: str, file: str | None, verbose: int) -> Callable[[Event], None]:
    """A sink for events; every line carries the id of this run."""
    sinks: list[Any] = []
    if verbose:
        sinks.append(_logger(form, sys.stderr))
    if file:
        sinks.append(_logger(form, _private(Path(file))))
    run = uuid.uuid4().hex[:8]

    def log(event: Event) -> None:
        plain = event.plain()
        name = plain.pop("type")
        for sink in sinks:
            sink.info(name, run=run, **plain)

    return log


def _logger(form: str, stream: Any) -> Any:
    last: Any = structlog.processors.JSONRenderer(default=str)
    if form == "console":
        last = structlog.dev.ConsoleRenderer(colors=False)
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return structlog.wrap_logger(
        structlog.PrintLogger(stream), processors=[structlog.processors.add_log_level, stamp, last]
    )


def _private(path: Path) -> Any:
    path.touch(mode=0o600, exist_ok=True)
    return path.open("a", encoding="utf-8", buffering=1)
