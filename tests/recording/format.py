"""The schema of a line of a record: what `--record` writes and `livekit_deploy.sandbox.compare` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from livekit_deploy.recording.recorder import FORMAT

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 1}
_ANY: Schema = {"type": "object"}


def _line(kind: str, about: str, needed: Mapping[str, Schema], optional: Mapping[str, Schema], **more: Any) -> Schema:
    return {
        "description": about,
        "type": "object",
        "properties": {"type": {"const": kind}, **needed, **optional},
        "required": ["type", *needed],
        "additionalProperties": False,
        **more,
    }


_OF_ERROR: dict[str, Schema] = {"code": _TEXT, "message": _TEXT, "status": {"type": "integer"}}
_ERROR = {"type": "object", "properties": _OF_ERROR, "required": list(_OF_ERROR), "additionalProperties": False}
RECORD: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "a line of a record",
    "oneOf": [
        _line(
            "record",
            "the first line: records of the same family have the same placeholders",
            {
                "format_version": {"const": FORMAT},
                "command": _TEXT,
                "version": _TEXT,
                "botocore": _TEXT,
                "family": _TEXT,
            },
            {"sandbox_speed": {**_TEXT, "description": "that of the sandbox; not there when it was AWS"}},
        ),
        _line(
            "call",
            "one attempt of a call",
            {
                "call": {**_COUNT, "description": "its number, in the order in which calls began"},
                "attempt": _COUNT,
                "at": {**_NUMBER, "description": "seconds from the first line until it left"},
                "seconds": {**_NUMBER, "description": "how long the answer took"},
                "service": {**_TEXT, "description": "botocore's name of it"},
                "operation": _TEXT,
                "region": _TEXT,
                "sent": _ANY,
            },
            {
                "answer": _ANY,
                "error": _ERROR,
                "failed": {**_TEXT, "description": "botocore's exception, where there was no answer"},
            },
            oneOf=[{"required": [one]} for one in ("answer", "error", "failed")],
        ),
    ],
}


def schema() -> str:
    """docs/record.schema.json."""
    return json.dumps(RECORD, indent=1) + "\n"
