"""The plan as data: what would be done to each address, attribute by attribute, and why.

There is no "replace". A change that cannot be made in place either makes a resource of a new name first and deletes
the old one last, or is BLOCKED and says how to proceed.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from livekit_deploy.engine.estimate import Estimate
from livekit_deploy.errors import StalePlan

FORMAT = 2
#: why something is made again that had been there
GONE = "it was deleted by someone else"


_HEADED = {"project": "project", "env": "environment", "region": "region", "account": "account"}


class _Unknown(str):
    """A value that is only known once another resource is made; prints as such."""


UNKNOWN = _Unknown("(known after apply)")


def unknown(value: Any) -> bool:
    """Whether anything inside ``value`` is only known after apply."""
    if isinstance(value, str):
        return isinstance(value, _Unknown)
    if isinstance(value, Mapping):
        return any(unknown(item) for item in value.values())
    return isinstance(value, list | tuple) and any(unknown(item) for item in value)


class Action(StrEnum):
    """What happens to an address."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RESUME = "resume"
    BLOCKED = "blocked"
    NOOP = "noop"


@dataclass(frozen=True)
class FieldDiff:
    """One attribute that differs; ``origin`` is "config" (you changed it) or "drift" (someone else did)."""

    path: str
    before: Any
    after: Any
    origin: str = "config"
    secret: bool = False


@dataclass(frozen=True)
class PlannedChange:
    """What would be done to one address; ``reason`` says why where the diffs do not, and of a NOOP what continues.

    ``warning`` is what is wrong with the object that is there, ``remedy`` what to do about it. ``remakes`` says that
    it is deleted and made again.
    ``unmarked`` are the tags that somebody took off the object or changed: until it is adopted, nothing of it changes.
    """

    address: str
    action: Action
    stage: str
    diffs: tuple[FieldDiff, ...] = ()
    reason: str = ""
    hint: str = ""
    id: str = ""
    usual_s: float = 0.0
    warning: str = ""
    remedy: str = ""
    remakes: bool = False
    unmarked: tuple[FieldDiff, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All changes in graph order, and what they were computed from.

    ``lineage`` and ``serial`` are those of the state document (None and 0 before there is one), ``digest`` that of the
    configuration. ``stage`` is the only one that was planned, "" for all. ``calls`` and ``seconds`` tell what it took
    to read, ``cost`` what is paid for it.
    """

    command: str
    lineage: str | None
    serial: int
    digest: str
    all: tuple[PlannedChange, ...]
    stage: str = ""
    calls: int = 0
    seconds: float = 0.0
    critical_s: float = 0.0
    header: Mapping[str, str] = field(default_factory=dict)
    cost: Estimate | None = None

    @property
    def changes(self) -> tuple[PlannedChange, ...]:
        """Every change but NOOP."""
        return tuple(change for change in self.all if change.action is not Action.NOOP)

    @property
    def unfinished(self) -> dict[str, str]:
        """What continues by itself, by address."""
        return {one.address: one.reason for one in self.all if one.action is Action.NOOP and one.reason}

    @property
    def warnings(self) -> dict[str, tuple[str, str]]:
        """What is wrong with what runs, and what to do about it, by address."""
        return {one.address: (one.warning, one.remedy) for one in self.all if one.warning}

    @property
    def removals(self) -> int:
        """How many objects are deleted, those that are made again included."""
        return sum(change.action is Action.DELETE or change.remakes for change in self.all)

    @property
    def unmarked(self) -> tuple[PlannedChange, ...]:
        """What has lost tags, and is left as it is."""
        return tuple(change for change in self.all if change.unmarked)

    @property
    def blocked(self) -> tuple[PlannedChange, ...]:
        return tuple(change for change in self.all if change.action is Action.BLOCKED)

    def count(self, *actions: Action) -> int:
        return sum(change.action in actions for change in self.all)

    def drift(self) -> tuple[PlannedChange, ...]:
        """What somebody else did: resources that they deleted, and of the others only the attributes they changed."""
        found = []
        for change in self.all:
            theirs = (*(diff for diff in change.diffs if diff.origin == "drift"), *change.unmarked)
            if theirs or change.reason == GONE:
                found.append(replace(change, diffs=theirs))
        return tuple(found)

    # ---- saved plans

    def dump(self) -> str:
        """The JSON form that ``--out`` writes."""
        return json.dumps({"format_version": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def load(cls, text: str) -> Plan:
        """Read a saved plan; raises `StalePlan` for anything else."""
        try:
            raw = json.loads(text)
            format = raw.pop("format_version")
            if type(format) is int and format != FORMAT:
                raise StalePlan("the plan was saved by another version", hint="plan again")
            found = _saved().validate_json(json.dumps(raw), strict=True)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise StalePlan("this is not a saved plan", hint="make one with: livekit-deploy plan --out FILE") from error
        return found

    def meant_for(self, command: str, header: Mapping[str, str]) -> None:
        """Raise `StalePlan` for a plan of another command or environment; what a header leaves out is not compared."""
        hint = f"make one with: livekit-deploy plan --out FILE{' --destroy' if command == 'down' else ''}"
        if self.command != command:
            raise StalePlan(f"the plan is for {self.command}, not for {command}", hint=hint)
        for key in ("project", "env", "region", "account"):
            mine, theirs = self.header.get(key), header.get(key)
            if mine and theirs and mine != theirs:
                raise StalePlan(f"it is a plan for the {_HEADED[key]} {mine}, and this is {theirs}", hint=hint)

    def expect(self, now: Plan) -> None:
        """Raise `StalePlan`, saying what moved, unless ``now`` is the same plan made again, or what is left of it."""
        self.meant_for(now.command, now.header)
        hint = "plan again and look at what changed"
        moved = (self.lineage, self.serial) != (now.lineage, now.serial)
        if moved and self.digest == now.digest and self.lineage in (None, now.lineage) and self._left_over(now):
            return
        if self.lineage != now.lineage:
            raise StalePlan("the plan was made for another state document (its lineage differs)", hint=hint)
        if self.serial != now.serial:
            raise StalePlan(f"the state moved from #{self.serial} to #{now.serial} since the plan", hint=hint)
        if self.digest != now.digest:
            raise StalePlan(
                "the plan was made with other settings",
                hint="plan again, or give the same file, --set and variables as for the plan",
            )
        before, after = self._essence(), now._essence()
        if before != after:
            other = sorted({address for address, _ in before ^ after})
            raise StalePlan(f"something changed in AWS since the plan: {', '.join(other)}", hint=hint)

    def _left_over(self, now: Plan) -> bool:
        """Whether ``now`` is what an interrupted run of this plan has left: less than this, and nothing beside it."""
        saved = {change.address: change for change in self.changes}
        left = {change.address: change for change in now.changes}
        actions = {change.action for change in left.values()}
        again = len(left) == len(saved) and actions <= {Action.CREATE}  # it was all there, and was taken down
        if again or not left.keys() <= saved.keys():
            return False
        return all(_goes_on(saved[address], change) for address, change in left.items())

    def _essence(self) -> set[tuple[str, str]]:
        """What is done to each address; of what was interrupted only that it continues: its attributes move by then."""
        return {
            (
                change.address,
                json.dumps([change.action, [asdict(d) for d in change.diffs if change.action is not Action.RESUME]]),
            )
            for change in self.changes
        }


def _goes_on(saved: PlannedChange, now: PlannedChange) -> bool:
    """Whether what is left to do to an address is what was to be done; the configuration says what is created."""
    if now.action is Action.RESUME:
        return saved.action in (Action.CREATE, Action.UPDATE, Action.DELETE, Action.RESUME)
    if (saved.action, now.action) == (Action.CREATE, Action.UPDATE):
        return True  # it was made, and is not complete: the configuration says what it becomes
    if (saved.action, saved.id) != (now.action, now.id):
        return False
    meant = {diff.path: diff for diff in saved.diffs}
    return now.action is Action.CREATE or (
        meant.keys() == {diff.path for diff in now.diffs}
        and all(_as_meant(meant[diff.path], diff) for diff in now.diffs)
    )


def _as_meant(saved: FieldDiff, now: FieldDiff) -> bool:
    """Whether two are the same, where what was not known yet may be known by now."""
    if UNKNOWN in json.dumps(saved.after):
        saved = replace(saved, after=now.after)
    return json.dumps(asdict(saved)) == json.dumps(asdict(now))


@functools.cache
def _saved() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def compare(path: str, before: Any, after: Any, origin: str) -> Iterator[FieldDiff]:
    """The diffs between two values, one for each leaf of nested mappings."""
    if isinstance(before, Mapping) and isinstance(after, Mapping) and "$secret" not in {*before, *after}:
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                yield from compare(f"{path}.{key}", before.get(key), after.get(key), origin)
        return
    secret = any(isinstance(value, Mapping) and "$secret" in value for value in (before, after))
    yield FieldDiff(path, before, after, origin, secret)
