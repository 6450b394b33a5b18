"""The state document: its parts, its JSON form, and the checks on load and before each write.

The journal is the record's phase; there is no second log to replay:

    creating   the intent is written, the create call may or may not have been made (its token is here)
    made       the object exists under `id` and is not ready yet
    updating   an update was asked for; read and diff again
    ready      the object is as its inputs say; `outputs` may be referred to
    deleting   a delete was asked for; read, and finish it
"""

from __future__ import annotations

import functools
import graphlib
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from livekit_deploy.base.timing import Spent
from livekit_deploy.errors import StateError

FORMAT = 2
_KEPT = 5  # durations remembered of each kind and verb
_STRICT = ConfigDict(extra="forbid")


class Phase(StrEnum):
    """Where a resource is in the life that this tool gives it."""

    CREATING = "creating"
    MADE = "made"
    UPDATING = "updating"
    READY = "ready"
    DELETING = "deleting"


@dataclass(frozen=True)
class Record:
    """One resource: what was asked for, what it became, what must outlive it, and where the time went when it was last
    brought here. ``warning`` is what AWS said was wrong with it when `up` looked last."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    phase: Phase
    kind: str
    inputs: Mapping[str, Any]
    id: str | None = None
    token: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    deps: tuple[str, ...] = ()
    runtime_depends_on: tuple[str, ...] = ()
    lives_in: str | None = None
    stage: str = "infrastructure"
    since: str = ""
    generation: int = 1
    spent: Spent | None = None
    warning: str = ""

    @functools.cached_property
    def text(self) -> str:
        """The record's JSON as it stands in the document; made once, as most records outlive many writes."""
        lines = _json(asdict(self)).splitlines()
        return "\n".join([lines[0], *(f"{'  '}{line}" for line in lines[1:])])


@dataclass(frozen=True)
class Holder:
    """Who holds the lease, in words that help a colleague to find them; ``since`` is UTC, ISO 8601."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    id: str
    user: str
    host: str
    pid: int
    command: str
    since: str
    seconds: float
    ci_url: str = ""

    def __str__(self) -> str:
        where = f", {self.ci_url}" if self.ci_url else ""
        return f"{self.user}@{self.host} (process {self.pid}, {self.command}{where})"


@dataclass(frozen=True)
class Home:
    """Which environment, and where its objects are; ``account`` and ``region`` are "" where that is not known."""

    project: str
    env: str
    account: str = ""
    region: str = ""

    def __str__(self) -> str:
        where = [self.region, f"account {self.account}" if self.account else ""]
        return " in ".join(filter(None, (f"{self.project}/{self.env}", ", ".join(filter(None, where)))))


@dataclass(frozen=True)
class State:
    """One environment's document. ``serial`` counts changes of records only, ``epoch`` takeovers of the lease."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    lineage: str
    project: str
    env: str
    account: str = ""
    region: str = ""
    serial: int = 0
    epoch: int = 0
    write: str = ""
    lease: Holder | None = None
    durations: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    format: int = FORMAT

    @classmethod
    def new(cls, project: str, env: str, account: str = "", region: str = "") -> State:
        """An empty document with a lineage of its own."""
        return cls(lineage=str(uuid.uuid4()), project=project, env=env, account=account, region=region)

    @property
    def home(self) -> Home:
        """Whose document it is."""
        return Home(self.project, self.env, self.account, self.region)

    def with_records(self, changes: Mapping[str, Record | None]) -> State:
        """This document with records set, or dropped where the change is None."""
        if not changes:
            return self
        records = {**self.records, **changes}
        kept = {address: record for address, record in records.items() if record is not None}
        return replace(self, records=kept, serial=self.serial + 1)

    def with_durations(self, took: Iterable[tuple[str, float]]) -> State:
        """This document with durations, each by kind and verb, after the last few of the same."""
        durations = dict(self.durations)
        for key, seconds in took:
            durations[key] = (*durations.get(key, ())[1 - _KEPT :], seconds)
        return replace(self, durations=durations)

    def unfinished(self) -> tuple[str, ...]:
        """Addresses whose record is in the middle of something."""
        return tuple(sorted(a for a, record in self.records.items() if record.phase is not Phase.READY))


def check(state: State, where: str) -> None:
    """Raise `StateError` unless the document is whole: a bug then fails a run, not a file."""
    for address, record in state.records.items():
        kind, _, name = address.partition("/")
        if kind != record.kind or not name:
            raise StateError(f"{where}: the record {address} says it is a {record.kind}", hint=REPAIR)
        for other in (*record.deps, *([record.lives_in] if record.lives_in else [])):
            if other not in state.records:
                raise StateError(f"{where}: {address} depends on {other}, which has no record", hint=REPAIR)
        if record.id is None and record.phase is not Phase.CREATING:
            raise StateError(f"{where}: {address} is {record.phase}, but has no id", hint=REPAIR)


def belongs(state: State, home: Home, where: str) -> None:
    """Raise `StateError` when the document is that of another environment, or of the same one somewhere else."""
    theirs = state.home
    if (theirs.project, theirs.env) != (home.project, home.env):
        raise StateError(
            f"{where} is the state of {theirs.project}/{theirs.env}, not of {home.project}/{home.env}",
            hint="give each environment a state of its own: check project, name and state in the environment file",
        )
    pairs = ((theirs.account, home.account), (theirs.region, home.region))
    if any(one and other and one != other for one, other in pairs):
        raise StateError(
            f"{where} is the state of {theirs}, not of {home}",
            hint="go back to that account and region, and run down there before the environment moves; "
            "or give it another name, or a state of its own",
        )


REPAIR = (
    "see earlier versions with: livekit-deploy state history, and bring one back with: "
    "livekit-deploy state restore --version ID; or rebuild it from the tags with: livekit-deploy state rebuild"
)


def dump(state: State) -> bytes:
    """The one JSON form: sorted and indented, so that the diff of two versions is readable."""
    around = {item.name: getattr(state, item.name) for item in fields(state) if item.name != "records"}
    around["lease"] = asdict(state.lease) if state.lease else None
    records = (f"  {json.dumps(address)}: {record.text}" for address, record in sorted(state.records.items()))
    inside = "{\n" + ",\n".join(records) + "\n }" if state.records else "{}"
    text = _json({**around, "records": {}}).replace(_NO_RECORDS, f'\n "records": {inside}', 1) + "\n"
    return sealed(text.encode())


def sealed(body: bytes) -> bytes:
    """The document with the checksum of all its other bytes in it, which one that is edited by hand does not have."""
    line = f' "sha256": "{hashlib.sha256(body).hexdigest()}",'
    return body.replace(b'\n "write": ', f'\n{line}\n "write": '.encode(), 1)


def _unsealed(body: bytes, where: str) -> bytes:
    """The document without its checksum; raises `StateError` where it has none, or another's."""
    found = _SEAL.search(body)
    plain = body[: found.start()] + body[found.end() :] if found else b""
    if found is None or hashlib.sha256(plain).hexdigest() != found[1].decode():
        raise StateError(
            f"{where} was edited by hand, or is damaged: its checksum is not that of the rest", hint=REPAIR
        )
    return plain


#: a line of the document itself; JSON escapes line ends in strings, and whatever is inside of it stands deeper
_SEAL = re.compile(rb'^ "sha256": "([0-9a-f]{64})",\n', re.MULTILINE)


#: where the records go: at this indentation the text stands once, as JSON escapes line ends in strings
_NO_RECORDS = '\n "records": {}'


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True)


def load(body: bytes, where: str) -> State:
    """Parse and check a document; ``where`` names it in errors.

    Raises `StateError` for one that is truncated, edited by hand, of another format, not whole, or none of ours at all.
    """
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise StateError(f"{where} is not a whole state document: {error}", hint=REPAIR) from error
    if not isinstance(raw, dict) or type(raw.get("format")) is not int or "lineage" not in raw:
        raise StateError(
            f"{where} is not a state document of livekit_deploy",
            hint=f"check state.bucket, state.path and the name; if they are right, {REPAIR}",
        )
    if (format := raw["format"]) != FORMAT:
        older = "rebuild it from the tags: livekit-deploy state rebuild; or use the version that wrote it"
        raise StateError(
            f"{where} has format {format}; this version reads format {FORMAT}",
            hint="upgrade livekit_deploy to the version that wrote it" if format > FORMAT else older,
        )
    try:
        state = _DOCUMENT.validate_json(_unsealed(body, where), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        allowed = first.get("ctx", {}).get("expected")
        wrong = f"is not one of {allowed}" if allowed else _WRONG.get(first["type"], _OTHER)
        raise StateError(f"{where} is damaged: {place} {wrong}", hint=REPAIR) from error
    check(state, where)
    _check_order(state, where)
    return state


_DOCUMENT = TypeAdapter(State)
#: what pydantic calls what is wrong → how it is said here
_WRONG = {
    "missing": "is missing",
    "missing_argument": "is missing",
    "unexpected_keyword_argument": "is not a known field",
    "extra_forbidden": "is not a known field",
}
_OTHER = "is not what it must be"


def _check_order(state: State, where: str) -> None:
    """What must outlive what may not go round in a circle: nothing of it could ever be deleted."""
    edges = {address: (*record.deps, *record.runtime_depends_on) for address, record in state.records.items()}
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        circle = " → ".join(error.args[1])
        raise StateError(f"{where}: records depend on each other in a circle: {circle}", hint=REPAIR) from error
