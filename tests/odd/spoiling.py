"""What the product reads of the answers of AWS, and the same answers with one field of them odd."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock

from livekit_deploy.aws.access import answers
from livekit_deploy.aws.access.answers import OF_OTHERS, OWNERS, Answer, Checked
from livekit_deploy.k8s.access import client, models

OTHER_ACCOUNT = "210987654321"
MISSING, NULL, EMPTY, TWICE, OTHER_TYPE, UNKNOWN, FOREIGN = (
    *("missing", "null", "empty", "twice", "of another type", "unknown", "of another account"),
)


def unusable(field: Field, way: str) -> bool:
    """Whether nobody can go on who asks for the field."""
    return way in (NULL, OTHER_TYPE) or (way == FOREIGN and field.name not in OF_OTHERS)


@dataclass(frozen=True, order=True)
class Field:
    """A field of the answer to a call; ``path`` is such as ``Vpcs[].VpcId``."""

    call: str
    path: str

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


class _Seen(Answer):
    """Notes which of its fields are asked for."""

    __slots__ = ()

    def _note(self, key: str) -> None:
        if not dict.__contains__(self, key) or re.search("[./]", key):  # such are labels
            return
        field = Field(self.call, re.sub(r"\[\d+\]", "[]", f"{self.path}.{key}" if self.path else key))
        _seen.setdefault(field, set(_ways_of_a_value(dict.get(self, key))) if "/" in field.call else set())

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)


_seen: dict[Field, set[str]] = {}


@contextlib.contextmanager
def watched() -> Iterator[dict[Field, set[str]]]:
    """Every field that is asked for within, and in which ways it can be odd by its model."""
    _seen.clear()
    shapes: dict[Field, Any] = {}
    inner = Checked.answer

    def answer(self: Checked, said: Mapping[str, Any], operation: Any) -> Answer:
        _shapes(shapes, self._call, operation.output_shape, "", 0)
        return inner(self, said, operation)

    with (
        mock.patch.object(answers, "Answer", _Seen),
        mock.patch.object(models, "Answer", _Seen),
        mock.patch.object(Checked, "answer", answer),
    ):
        yield _seen
    for field in list(_seen):
        if "/" in field.call:  # a cluster's
            continue
        if (shape := shapes.get(field)) is None:  # the metadata that botocore adds
            del _seen[field]
        else:
            _seen[field] |= set(_ways(field.name, shape))


def _shapes(known: dict[Field, Any], call: str, shape: Any, path: str, depth: int) -> None:
    """Of every path of a shape; some shapes hold themselves."""
    if shape is None or depth > 9:
        return
    if shape.type_name == "list":
        _shapes(known, call, shape.member, f"{path}[]", depth + 1)
    elif shape.type_name == "structure" and not shape.is_document_type:
        for name, member in shape.members.items():
            field = Field(call, f"{path}.{name}" if path else name)
            if field in known:
                return
            known[field] = member
            _shapes(known, call, member, field.path, depth + 1)


def _ways(name: str, shape: Any) -> Iterator[str]:
    yield MISSING
    if shape.type_name != "blob":
        yield NULL
    if shape.type_name in ("list", "map"):
        yield EMPTY
    if shape.type_name == "list":
        yield TWICE
    if shape.type_name not in ("blob", "structure") and shape.name != "policyDocumentType":
        yield OTHER_TYPE
    if getattr(shape, "enum", None):
        yield UNKNOWN
    if shape.type_name == "string" and (name.lower().endswith("arn") or name in OWNERS):
        yield FOREIGN


def _ways_of_a_value(value: Any) -> Iterator[str]:
    """Of an object in a cluster, whose models do not say what it may lack."""
    yield MISSING
    yield OTHER_TYPE
    if isinstance(value, list):
        yield from (EMPTY, TWICE)


@contextlib.contextmanager
def spoilt(field: Field, way: str) -> Iterator[list[int]]:
    """Within, every answer to the call has the field so; how often that was is in the list."""
    inner, times = Checked.answer, [0]

    def answer(self: Checked, said: Mapping[str, Any], operation: Any) -> Answer:
        if self._call == field.call:
            said = copy.copy(said) if field.call.startswith("s3:") else copy.deepcopy(said)
            times[0] += _spoil(said, field.path.split("."), way)
        return inner(self, said, operation)

    def found(call: str, said: Any) -> Answer:
        if call == field.call:
            times[0] += _spoil(said, field.path.split("."), way)
        return held(call, said)

    held = models.checked
    with mock.patch.object(Checked, "answer", answer), mock.patch.object(client, "checked", found):
        yield times


def _spoil(value: Any, steps: list[str], way: str) -> int:
    """Make the field so wherever the answer has it; how many times."""
    name, nested = steps[0].rstrip("[]"), steps[0].count("[]")
    if not isinstance(value, dict) or name not in value:
        return 0
    if len(steps) == 1:
        before = value.pop(name)
        if way != MISSING:
            value[name] = _odd(before, way)
        return int(value.get(name, MISSING) != before)
    inner = [value[name]]
    for _ in range(nested):
        inner = [item for items in inner for item in items]
    return sum(_spoil(item, steps[1:], way) for item in inner)


def _odd(value: Any, way: str) -> Any:
    if way == NULL:
        return None
    if way == EMPTY:
        return type(value)()
    if way == TWICE:
        return [*value, *value]
    if way == UNKNOWN:
        return "somewhat-new"
    if way == FOREIGN:
        return re.sub(r"(?<=:)\d{12}(?=:)|^\d{12}$", OTHER_ACCOUNT, value)
    assert way == OTHER_TYPE
    return ["odd"] if isinstance(value, str) else "odd"
