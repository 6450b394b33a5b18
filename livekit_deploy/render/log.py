"""The log: events and calls as lines, to stderr with -v, to a file with --log-file, as text or JSON."""

from __future__ import annotations

import logging
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict, Processor

from livekit_deploy import __version__
from livekit_deploy.errors import DeployError, UsageError
from livekit_deploy.events import Event
from livekit_deploy.render import escaping
from livekit_deploy.render.failure import as_json

_PACKAGE = logging.getLogger("livekit_deploy")


@contextmanager
def logging_run(form: str, file: str | None, verbose: int, **about: str) -> Iterator[Callable[[Event], None]]:
    """A sink for the events of one run, for as long as it lasts; every line carries the ``run_id`` drawn here.

    ``form`` is console or json. Stderr shows the events when ``verbose`` is 1, every call too when it is more; the
    file holds both. Raises `UsageError` when the file cannot be written.
    """
    handlers: list[logging.Handler] = []
    if verbose:
        handlers.append(logging.StreamHandler(sys.stderr))  # which lasts, as `streams` makes it
        handlers[0].setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    if file:
        handlers.append(_file(Path(file)))
    formatter = _formatter(form, uuid.uuid4().hex[:8])
    before = _PACKAGE.level
    _PACKAGE.setLevel(logging.DEBUG)
    for handler in handlers:
        handler.setFormatter(formatter)
        _PACKAGE.addHandler(handler)
    try:
        yield from _told(about)
    finally:
        _PACKAGE.setLevel(before)
        for handler in handlers:
            _PACKAGE.removeHandler(handler)
            handler.close()


def _told(about: dict[str, str]) -> Iterator[Callable[[Event], None]]:
    """Write the first line and the events, and the error that ends the run."""
    logger: Any = structlog.wrap_logger(
        logging.getLogger(__name__),
        processors=[ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
    )

    def tell(event: Event) -> None:
        plain = event.plain()
        level = plain.pop("level", "error" if event.type == "failed" else "info")
        level = level if level in ("info", "warning", "error") else "info"
        getattr(logger, level)(plain.pop("type"), **plain)

    logger.info("command", version=__version__, **about)
    try:
        yield tell
    except DeployError as error:
        said = as_json(error)
        logger.error(said.pop("type"), **said)
        raise


def _formatter(form: str, run_id: str) -> logging.Formatter:
    def of_this_run(_: Any, __: str, line: EventDict) -> EventDict:
        return {**line, "run_id": run_id}

    written = structlog.processors.JSONRenderer(default=str)
    last: list[Processor] = [written, lambda _, __, said: escaping.json(str(said))]
    if form == "console":
        last = [structlog.dev.ConsoleRenderer(colors=False), lambda _, __, said: escaping.text(str(said))]
    return ProcessorFormatter(
        foreign_pre_chain=[ExtraAdder()],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            of_this_run,
            *last,
        ],
    )


class _File(logging.FileHandler):
    """The log in a file, until it cannot be written any more: that is said once, and the run continues."""

    ended = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.ended:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        self._end(sys.exc_info()[1])

    def close(self) -> None:
        try:
            super().close()
        except OSError as error:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if not self.ended:
            self.ended = True
            why = error.strerror if isinstance(error, OSError) else repr(error)
            sys.stderr.write(f"warning: the log {self.baseFilename} ends early: {why}\n")


def _file(path: Path) -> logging.Handler:
    try:
        path.touch(mode=0o600)
        if path.is_file():
            path.chmod(0o600)  # there may be one already that others may read
        return _File(path, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the log {path} cannot be written: {error.strerror}", hint="--log-file FILE") from error
