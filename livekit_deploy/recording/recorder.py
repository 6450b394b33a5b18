"""Writes a record while the calls are made, from the events of botocore's session.

The first line is the header: ``type`` (``record``), ``format_version``, the ``command``, the ``version`` of this
program and of ``botocore``, the ``family`` of placeholders, and ``sandbox_speed`` where it was no account of AWS.
Each further line is one attempt of a call: ``type`` (``call``), ``call`` and ``attempt`` (numbers from 1; those of a
call in the order in which they began), ``at`` and ``seconds`` (when it left since the header was written, and how long
it took), ``service``, ``operation``, ``region``, what was ``sent``, and one of: the ``answer``; the ``error`` (its
``code``, ``message`` and HTTP ``status``); ``failed``, the name of botocore's exception where there was no answer.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore

from livekit_deploy.errors import UsageError
from livekit_deploy.recording.names import Names
from livekit_deploy.recording.scrub import Scrubber

FORMAT = 1
_OURS = "livekit_deploy.record"  # in the context of a call
#: what code that reads an answer of a shape that nobody thought of can raise: the answer itself must get through
_UNREADABLE = (TypeError, ValueError, LookupError, AttributeError, RecursionError)


class Recorder:
    """One record. It ends early, and says so in ``lost``, when it cannot be written on: no run fails by it."""

    def __init__(self, path: Path, names: Names | None = None) -> None:
        self.path = path
        self._names = names or Names.from_environ()
        self._scrubber = Scrubber(self._names)
        self._lock, self._numbers = threading.Lock(), itertools.count(1)
        self._file: int | None = None
        self._began = time.monotonic()
        #: why there is no more in it, "" when all is
        self.lost = ""

    def begin(self, command: str, version: str, sandbox_speed: float | None = None) -> Recorder:
        """Make the file, for its owner only, and write the header; once. Raises `UsageError` for one that exists."""
        if self._file is not None:
            return self
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise UsageError(f"the record {self.path} exists already", hint="name a new one: --record FILE") from error
        except OSError as error:
            said = f"the record {self.path} cannot be written: {error.strerror}"
            raise UsageError(said, hint="choose another one: --record FILE") from error
        header = {
            "type": "record",
            "format_version": FORMAT,
            "command": command,
            "version": version,
            "botocore": botocore.__version__,
            "family": self._names.family,
        }
        where = {} if sandbox_speed is None else {"sandbox_speed": str(sandbox_speed)}
        self._began = time.monotonic()
        self._write({**header, **where})
        return self

    def close(self) -> None:
        """Write nothing more."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
            self._file = None

    def listen(self, events: Any) -> None:
        """Hear every call of a session (its event emitter), before it has made its first client."""
        events.register_last("before-parameter-build", self._asked)
        events.register_first("request-created", self._leaves)
        events.register_first("response-received", self._answered)

    # ---- botocore's events; one context goes with a call through all of them

    def _asked(self, params: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        """The parameters, with what botocore itself has added (tokens)."""
        try:
            sent = self._scrubber.sent(params, model)
        except _UNREADABLE as error:
            self._lose(error)
            return
        context[_OURS] = {"model": model, "call": next(self._numbers), "attempt": 0, "sent": sent}

    def _leaves(self, request: Any, **_: Any) -> None:
        ours = request.context.get(_OURS)
        if ours is not None:
            ours["attempt"] += 1
            ours["at"] = time.monotonic()

    def _answered(
        self,
        context: Mapping[str, Any],
        response_dict: Mapping[str, Any] | None = None,
        parsed_response: Mapping[str, Any] | None = None,
        exception: Exception | None = None,
        **_: Any,
    ) -> None:
        ours = context.get(_OURS)
        if ours is None:
            return
        try:
            line = self._line(ours, context.get("client_region") or "", response_dict or {}, parsed_response, exception)
        except _UNREADABLE as error:
            self._lose(error)
            return
        self._write(line)

    def _line(
        self,
        ours: Mapping[str, Any],
        region: str,
        response: Mapping[str, Any],
        parsed: Mapping[str, Any] | None,
        exception: Exception | None,
    ) -> dict[str, Any]:
        model, now = ours["model"], time.monotonic()
        return {
            "type": "call",
            "call": ours["call"],
            "attempt": ours["attempt"],
            "at": round(ours["at"] - self._began, 3),
            "seconds": round(now - ours["at"], 3),
            "service": model.service_model.service_name,
            "operation": model.name,
            "region": self._scrubber.region(region),
            "sent": ours["sent"],
            **self._outcome(model, response, parsed, exception),
        }

    def _outcome(
        self, model: Any, response: Mapping[str, Any], parsed: Mapping[str, Any] | None, exception: Exception | None
    ) -> dict[str, Any]:
        if parsed is None:
            return {"failed": type(exception).__name__}
        status = response.get("status_code", 0)
        if status < 300 and "Error" not in parsed:
            return {"answer": self._scrubber.answer(parsed, model)}
        error = parsed.get("Error", {})
        message = self._scrubber.sentence(str(error.get("Message", "")))
        return {"error": {"code": str(error.get("Code", "")), "message": message, "status": status}}

    def _write(self, line: Mapping[str, Any]) -> None:
        """The whole line at once: what a run that is killed leaves behind can be read."""
        text = (json.dumps(line, ensure_ascii=False) + "\n").encode()
        with self._lock:
            if self._file is None or self.lost:
                return
            try:
                os.write(self._file, text)
            except OSError as error:
                self.lost = str(error.strerror)

    def _lose(self, error: Exception) -> None:
        with self._lock:
            self.lost = self.lost or f"an answer could not be read ({type(error).__name__})"
