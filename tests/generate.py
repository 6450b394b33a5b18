"""Writes the generated files of the repository; `make schema` runs it, and a test holds the files to it."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import TypeAdapter

from livekit_deploy.state.document import State
from tests import commands, created, json_format, service_authorization, service_operations, troubleshooting
from tests.bench import page as performance
from tests.places import ROOT
from tests.recording import format as record_format
from tests.reference import changes, page
from tests.sandbox.corrections import table
from tests.second_opinion import page as second_opinion

_PERFORMANCE = ROOT / "docs" / "performance.md"


def state_schema() -> str:
    """The JSON Schema of the state document."""
    schema = TypeAdapter(State).json_schema()
    schema["properties"]["sha256"] = {
        "description": "of all the other bytes",
        "pattern": "^[0-9a-f]{64}$",
        "type": "string",
    }
    schema["required"].append("sha256")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "livekit_deploy state", **schema}
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def generated() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    return {
        ROOT / "state" / "schema.json": state_schema(),
        ROOT / "docs" / "configuration.md": page(),
        ROOT / "livekit_deploy" / "config" / "changes.json": changes(),
        ROOT / "docs" / "commands.md": commands.page(),
        ROOT / "docs" / "json.md": json_format.page(),
        ROOT / "docs" / "json.schema.json": json_format.schema(),
        _PERFORMANCE: performance.render(performance.measured(_PERFORMANCE.read_text(encoding="utf-8"))),
        ROOT / "docs" / "record.schema.json": record_format.schema(),
        ROOT / "docs" / "troubleshooting.md": troubleshooting.page(),
        ROOT / "docs" / "what-is-created.md": created.page(),
        ROOT / "docs" / "decisions" / "second-opinion.md": second_opinion.page(),
        ROOT / "tests" / "sandbox" / "README.md": table(),
        ROOT / "livekit_deploy" / "aws" / "access" / "services.pyi": service_operations.stub(),
        ROOT / "livekit_deploy" / "sandbox" / "rights" / "actions.json": service_authorization.table(),
    }


if __name__ == "__main__":
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
