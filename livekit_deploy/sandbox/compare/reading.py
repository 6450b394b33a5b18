"""Reads records: calls in the order of their answers, each with its last attempt."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livekit_deploy.errors import UsageError
from livekit_deploy.recording.recorder import FORMAT

#: what says nothing of the call: it was made too fast, or something between was broken
_NOT_OF_IT = ("Throttl", "RequestLimitExceeded", "TooManyRequests", "SlowDown", "PriorRequestNotComplete")


@dataclass(frozen=True, eq=False)
class Call:
    """One call as it was recorded; ``at`` is AWS's time in seconds since the first record began."""

    line: int
    at: float
    service: str
    operation: str
    region: str
    sent: dict[str, Any]
    answer: dict[str, Any] | None
    code: str

    @property
    def name(self) -> str:
        return f"{self.service}.{self.operation}"


@dataclass(frozen=True)
class Record:
    """The calls of one record, or of several that belong together; ``speed`` of a sandbox, 1 for AWS."""

    speed: float
    calls: tuple[Call, ...]


def read(paths: Sequence[Path]) -> Record:
    """The records, one after the other. Raises `UsageError` for what is none, or when they do not belong together."""
    headers, calls, began = [], list[Call](), 0.0
    for path in paths:
        header, *lines = _lines(path)
        try:
            speed = float(header.get("sandbox_speed", 1))
            headers.append((str(header["family"]), speed))
            attempts = {int(line["call"]): (number, line) for number, line in enumerate(lines, 2)}
            found = [
                _call(number, line, began, speed) for number, line in sorted(attempts.values(), key=lambda one: one[0])
            ]
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            what = f"{path} is a damaged record: one of its lines is not what it must be"
            raise UsageError(what, hint="name a file that --record wrote") from error
        began = max([began, *(call.at for call in found)])
        calls += [call for call in found if not call.code.startswith(_NOT_OF_IT)]
    if len(set(headers)) != 1:
        hint = "compare them one by one, or record them with one LIVEKIT_DEPLOY_RECORD_KEY"
        raise UsageError("these records do not belong together: their placeholders differ", hint=hint)
    return Record(headers[0][1], tuple(calls))


def _call(number: int, line: dict[str, Any], began: float, speed: float) -> Call:
    passed = 0.0 if math.isinf(speed) else line["at"] * speed
    error = line.get("error", {})
    code = str(error.get("code", "")) if error.get("status", 0) < 500 else "Throttled"
    return Call(
        number,
        began + passed,
        line["service"],
        line["operation"],
        line["region"],
        line["sent"],
        line.get("answer"),
        "Throttled" if "failed" in line else code,
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        found = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read as a record: {error}", hint="name a file that --record wrote"
        ) from error
    header = found[0] if found else {}
    if not isinstance(header, dict) or header.get("type") != "record" or header.get("format_version") != FORMAT:
        raise UsageError(f"{path} is not a record of format {FORMAT}", hint="name a file that --record wrote")
    return found
