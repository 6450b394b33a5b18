"""The JSON that the program prints: one schema for each output, from the classes that are printed, and their page."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from livekit_deploy import events
from livekit_deploy.checks.finding import Finding
from livekit_deploy.cli.commands import COMMANDS
from livekit_deploy.config.explain import Explained
from livekit_deploy.engine.critical_path import Step
from livekit_deploy.engine.estimate import Estimate
from livekit_deploy.engine.ownership_tags import Kept
from livekit_deploy.engine.plan import Plan
from livekit_deploy.k8s.cluster_events import ClusterEvent
from livekit_deploy.k8s.pod_logs import LogLine
from livekit_deploy.operations.api_keys import Keys
from livekit_deploy.operations.report import Leftover, Recorded, StatusReport
from livekit_deploy.render.format_version import FORMAT_VERSION
from livekit_deploy.state.document import Record, State
from livekit_deploy.state.history import Past

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_VERSION: Schema = {"const": FORMAT_VERSION, "description": "raised when a key goes away or changes its meaning"}


@dataclass(frozen=True)
class Output:
    """What commands print with ``--json``; a stream is one object a line. Which ones is declared in `cli.commands`."""

    about: str
    schema: Schema


def _of(kind: Any) -> Schema:
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    schema.pop("title", None)
    return schema


def _object(properties: Mapping[str, Schema], *, more: bool = False, **rest: Any) -> Schema:
    required = ["format_version", *properties]
    return {
        "type": "object",
        "properties": {"format_version": _VERSION, **properties},
        "required": required,
        "additionalProperties": more,
        **rest,
    }


def _versioned(kind: Any) -> Schema:
    schema = _of(kind)
    schema["properties"] = {"format_version": _VERSION, **schema["properties"]}
    schema["required"] = list(schema["properties"])
    return {**schema, "additionalProperties": False}


def _list(name: str, kind: Any, **beside: Schema) -> Schema:
    items = _of(kind)
    definitions = items.pop("$defs", {})
    properties = {**beside, name: {"type": "array", "items": items}}
    return _object(properties, **({"$defs": definitions} if definitions else {}))


def event_kinds() -> list[type[events.Event]]:
    """Every event that is told, by its name in JSON."""
    found = [kind for base in (events.Event, events.ResourceEvent) for kind in base.__subclasses__()]
    return sorted((kind for kind in found if "type" in vars(kind)), key=lambda kind: kind.type)


def _event(kind: type[events.Event]) -> Schema:
    schema = _of(kind)
    common = {"type": {"const": kind.type}, "@timestamp": _TEXT, "address": _TEXT, "elapsed_s": _NUMBER}
    return _object({**common, **schema.get("properties", {})}, description=inspect.cleandoc(str(kind.__doc__)))


def _stream() -> Schema:
    common = {"@timestamp": _TEXT, "address": _TEXT, "elapsed_s": _NUMBER}
    addresses: Schema = {"type": "array", "items": _TEXT}
    changes = {"type": "array", "items": {"type": "object", "required": ["address", "action", "stage"]}}
    estimate = _of(Estimate)
    definitions = estimate.pop("$defs")
    cost = {"anyOf": [estimate, {"type": "null"}]}
    plan = _object(
        {"type": {"const": "plan"}, **common, "serial": {"type": "integer"}, "changes": changes, "cost": cost}
    )
    counted = dict.fromkeys(("created", "updated", "deleted", "unfinished"), addresses)
    counted["leftovers"] = {"type": "array", "items": _of(Leftover)}
    counted["stays"] = {"type": "array", "items": _of(Kept)}
    seconds = dict.fromkeys(("queued_s", "calling_s", "waiting_s", "writing_s"), _NUMBER)
    step = {"address": _TEXT, **seconds}
    counted["chain"] = {"type": "array", "items": {"type": "object", "properties": step, "required": list(step)}}
    result = _object({"type": {"const": "result"}, **common, "command": _TEXT, **counted}, more=True)
    error = _object(
        {"type": {"const": "error"}, "@timestamp": _TEXT, "error": _TEXT, "message": _TEXT, "hint": _TEXT}, more=True
    )
    return {"oneOf": [plan, *(_event(kind) for kind in event_kinds()), result, error], "$defs": definitions}


def _log_line() -> Schema:
    return _object({"type": {"const": "log"}, "@timestamp": _TEXT, **_of(LogLine)["properties"]})


_LIST: Schema = {"type": "array"}
_PROPOSED = ("added", "changed", "dropped", "absent", "unmarked", "surplus", "diffs")
_OF_RESOURCE: dict[str, Schema] = {
    "address": _TEXT,
    "stage": _TEXT,
    "usual_s": _NUMBER,
    "after": {"type": "array", "items": _TEXT},
    "longest": {"type": "boolean"},
}
_RESOURCE: Schema = {
    "type": "object",
    "properties": _OF_RESOURCE,
    "required": list(_OF_RESOURCE),
    "additionalProperties": False,
}
_FINDINGS = "Every check with what it saw; of those that failed the cause and the remedy."
OUTPUTS = {
    "run": Output(
        "A stream: the plan, one event for each thing that happens, the result.",
        _stream(),
    ),
    "plan": Output(
        "Every address with its action and diffs, and what it costs; also what `--out` saves.", _versioned(Plan)
    ),
    "status": Output("What is recorded and who holds the lease.", _versioned(StatusReport)),
    "outputs": Output("Public name to value; names are those of `outputs`.", _object({}, more=True)),
    "prerequisites": Output(_FINDINGS, _list("findings", Finding, ok={"type": "boolean"})),
    "verify": Output(_FINDINGS, _list("findings", Finding, ok={"type": "boolean"})),
    "state list": Output(
        "The records, each with its phase and id.",
        _list("records", Recorded),
    ),
    "state show": Output("The whole document (`state/schema.json`).", _versioned(State)),
    "state show ADDRESS": Output("One record.", _versioned(Record)),
    "state history": Output("Earlier documents, newest first.", _list("versions", Past)),
    "logs": Output("A stream: one line of a pod each, `at` when it was said.", _log_line()),
    "events": Output("What the cluster tells of LiveKit, newest last.", _list("events", ClusterEvent)),
    "keys list": Output("The API keys and who has them; `keys add` prints a stream.", _versioned(Keys)),
    "state rebuild": Output(
        "The document that was written, and what it changed.",
        _object({"serial": {"type": "integer"}, "lineage": _TEXT, **dict.fromkeys(_PROPOSED, _LIST)}),
    ),
    "graph": Output(
        "Every resource in the order of work, with what it comes `after`; `longest` are those on the longest chain.",
        _object({"resources": {"type": "array", "items": _RESOURCE}}),
    ),
    "graph --critical-path": Output("The longest chain.", _list("chain", Step, seconds=_NUMBER)),
    "sandbox status": Output("Whether it is running, and where.", _object({"running": {"type": "boolean"}}, more=True)),
    "sandbox faults list": Output(
        "The faults that are set, and how often each has struck.",
        _object({"faults": {"type": "array", "items": {"type": "object", "required": ["fault", "call", "struck"]}}}),
    ),
    "config explain": Output(
        "What a key means; `defaults` by preset, without those under which it must be given; `keys` of a section.",
        _versioned(Explained),
    ),
    "config validate": Output(
        "The file and what should be known about it.",
        _object({"file": _TEXT, "valid": {"type": "boolean"}, "warnings": {"type": "array", "items": _TEXT}}),
    ),
}


def _printed_by(output: str) -> str:
    """The commands that print an output, each with the words that make it print this one."""
    found = [one.name for one in COMMANDS.values() if output in one.prints]
    return ", ".join(output if output.startswith(f"{name} ") else name for name in found)


def schema() -> str:
    """docs/json.schema.json: the schema of each output under its name."""
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "livekit_deploy --json",
        "format_version": FORMAT_VERSION,
        "outputs": {name: one.schema for name, one in OUTPUTS.items()},
    }
    return json.dumps(whole, indent=1) + "\n"


def page() -> str:
    """docs/json.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# JSON"
    yield ""
    yield "Generated by `make schema` from the classes that are printed; tests hold every output to its schema."
    yield ""
    yield "With `--json` there is only JSON on stdout; what is said to people goes to stderr. Every object carries"
    yield f"`format_version`, now {FORMAT_VERSION}: it is raised when a key goes away or changes its meaning. New"
    yield "keys may come at any time; pass over those that you do not know. An error is one object of type `error`,"
    yield "and the exit code says what kind. No output holds a secret."
    yield ""
    yield "The schemas are in [json.schema.json](json.schema.json), under the names below. `token`, `iam-policy`,"
    yield "`config show` and `config schema` print formats of others (an exec credential, a policy, an environment, a"
    yield "JSON Schema) and carry no version of ours."
    yield ""
    yield "| Name | Command | What it is |"
    yield "|---|---|---|"
    for name, one in OUTPUTS.items():
        yield f"| `{name}` | `{_printed_by(name)}` | {one.about} |"
    yield ""
    yield "## The log"
    yield ""
    yield "`--log-format json` with `--log-file FILE` or `-v` writes one object a line: `timestamp` (UTC), `level`,"
    yield "`event` and `run_id`, which all lines of a run share. First comes `command`, then the events below under"
    yield "their `type` and, in the file and with `-vv`, every `call`: its `service`, `operation` and `seconds`, the"
    yield "`address` of the resource that it is made for, the `request_id` that finds it in CloudTrail, how many"
    yield "`retries` it took, and the `code` of its error. What a call sends and what it is answered are left out,"
    yield "for both can hold secrets. A run that fails ends with `error`."
    yield ""
    yield "## The stream of `up` and `down`"
    yield ""
    yield 'One object a line. Each has `type`, `@timestamp` (UTC), `address` ("" where it is about the whole run) and'
    yield "`elapsed_s`. First comes `plan`, with its `changes` and its `cost` as `plan --json` has it, last `result` or"
    yield "`error`."
    yield ""
    yield "| `type` | Further keys | When |"
    yield "|---|---|---|"
    for kind in event_kinds():
        keys = [key for key in _of(kind).get("properties", {}) if key not in ("address", "elapsed_s")]
        about = " ".join(str(kind.__doc__).replace("``", "`").split())
        yield f"| `{kind.type}` | {', '.join(f'`{key}`' for key in keys)} | {about} |"
