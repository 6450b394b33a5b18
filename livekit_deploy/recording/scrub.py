"""Decides what a record keeps of a value: only what botocore's model, or a list here, knows as AWS's own word.

Structure, numbers and truth values are kept, and of texts those that an enum or the documentation of their field
names, versions, types of instances and the fixed names of AWS's services. Every other text becomes a placeholder that
says what it looks like; what a model calls sensitive becomes ``<secret>``, whatever it is. Bodies, blobs and times
become ``<bytes>`` and ``<time>``, JSON within a text (policies, prices) ``<document>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.model import OperationModel, Shape

from livekit_deploy.recording.forms import Forms
from livekit_deploy.recording.names import Names
from livekit_deploy.recording.words import Messages, documented

#: fields of which no model says that they are sensitive, and that are
_SECRET = re.compile(r"(password|secretstring|authtoken|userdata|privatekey|sessiontoken|secretaccesskey)$", re.I)
#: fields that hold sentences of AWS; those of users are called descriptions
_SENTENCE = re.compile(r"(message|reason)$", re.I)
#: fields that only AWS writes, by words of its own, also where the model lists none
_STATE = re.compile(r"(status|state)$", re.I)
_TAGS = re.compile(r"(?<![sS])[tT]ag")
_PLAIN = re.compile(r"true|false|\d{1,5}")
_UNKNOWN_ENUM = re.compile(r"[A-Za-z][A-Za-z0-9 ._:-]{0,63}")


@dataclass(frozen=True)
class Field:
    """Where a value stands: its name, what the documentation around it names, whether it is part of a tag."""

    answered: bool
    name: str = ""
    words: frozenset[str] = frozenset()
    tag: bool = False

    def inner(self, name: str, shape: Shape) -> Field:
        words = documented(shape.documentation)
        return replace(self, name=name, words=self.words | words, tag=self.tag or bool(_TAGS.search(name)))


class Scrubber:
    """Replaces what calls send and are answered."""

    def __init__(self, names: Names) -> None:
        self._messages = Messages(names)
        self._forms = Forms(names, self._messages.own)

    def sent(self, parameters: Mapping[str, Any], model: OperationModel) -> Any:
        """The parameters of a call."""
        return self._whole(parameters, model.input_shape, Field(answered=False))

    def answer(self, answer: Mapping[str, Any], model: OperationModel) -> Any:
        """What a call was answered."""
        return self._whole(answer, model.output_shape, Field(answered=True))

    def sentence(self, text: str) -> str:
        """A message for people."""
        return self._messages.kept(self._forms.within(text))

    def region(self, name: str) -> str:
        """The region that is asked."""
        return self._forms.replaced(name)

    def _whole(self, value: Mapping[str, Any], shape: Shape | None, field: Field) -> Any:
        return self._value(value, shape, field) if shape is not None else {}

    # ---- by shape

    def _value(self, value: Any, shape: Shape | None, field: Field) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if shape is None or shape.metadata.get("sensitive") or _SECRET.search(field.name):
            return "<secret>"
        by = getattr(self, f"_{shape.type_name}", None)
        if by is not None:
            return by(value, shape, field)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else "<bytes>"

    def _structure(self, value: Any, shape: Any, field: Field) -> Any:
        if not isinstance(value, Mapping):
            return "<bytes>"
        members = shape.members
        filtered = str(value.get("Name", "")) if "Values" in members else ""
        if filtered.startswith("tag:"):  # its values are those of a tag
            field = replace(field, tag=True)
        return {
            name: self._value(one, members[name], field.inner(filtered if name == "Values" else name, members[name]))
            for name, one in value.items()
            if name in members
        }

    def _list(self, value: Any, shape: Any, field: Field) -> Any:
        if not isinstance(value, list | tuple | set):
            return "<bytes>"
        return [self._value(one, shape.member, field.inner(field.name, shape.member)) for one in value]

    def _map(self, value: Any, shape: Any, field: Field) -> Any:
        if not isinstance(value, Mapping):
            return "<bytes>"
        return {
            str(self._value(key, shape.key, field)): self._value(one, shape.value, field) for key, one in value.items()
        }

    def _timestamp(self, value: Any, shape: Shape, field: Field) -> str:
        return "<time>"

    def _blob(self, value: Any, shape: Shape, field: Field) -> str:
        return "<bytes>"

    def _string(self, value: Any, shape: Any, field: Field) -> str:
        if not isinstance(value, str):
            return "<bytes>"
        if value in shape.enum or (field.answered and _of_aws(value, shape, field)):
            return value
        if not field.tag and (value in field.words or _PLAIN.fullmatch(value)):
            return value
        if field.answered and not field.tag and _SENTENCE.search(field.name):
            return self.sentence(value)
        if _is_document(value):
            return "<document>"
        return self._forms.replaced(value, "" if field.tag else field.name)


def _of_aws(value: str, shape: Any, field: Field) -> bool:
    """Whether an answer has this word from AWS: a state, or a member of an enum that the model does not know yet."""
    own = bool(shape.enum) or (not field.tag and _STATE.search(field.name))
    return bool(own and _UNKNOWN_ENUM.fullmatch(value))


def _is_document(value: str) -> bool:
    if not value.startswith(("{", "[", "%7B")):
        return False
    try:
        json.loads(value)
    except ValueError:
        return value.startswith("%7B")
    return True
