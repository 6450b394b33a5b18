"""Checks each answer of AWS against botocore's model of the operation.

A proxy, an emulator or a newer API may answer what the model does not say. What is missing, of another type or of
another account is told when somebody asks for it, with the call and the field: it is neither a mistake of ours nor a
sign that something is not there. Who may do without a field asks for it with `get`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, SupportsIndex, overload

from livekit_deploy.aws.errors.translation import action_of
from livekit_deploy.errors import DeployError, OddAnswer, WrongAccount

_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a text"),
    "character": ((str,), "a text"),
    "integer": ((int,), "a whole number"),
    "long": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "double": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
    "timestamp": ((datetime,), "a time"),
    "structure": ((dict,), "a structure"),
    "map": ((dict,), "a map"),
    "list": ((list,), "a list"),
}
#: botocore reads these texts itself (handlers.json_decode_policies)
_DECODED = "policyDocumentType"
#: fields of our objects that name objects of other accounts: whom they let in, and keys that others share
OF_OTHERS = frozenset({"principalArn", "PrincipalArn", "KmsKeyArn", "kmsKeyArn", "keyArn", "KmsKeyId", "kmsKeyId"})


class Fault(NamedTuple):
    """What is wrong with a field: ``path`` leads from the field to it, "" for the field itself."""

    path: str
    text: str
    account: bool = False


#: fields that tell the account of what EC2 has no ARN of
OWNERS = frozenset({"OwnerId", "GroupOwnerId"})
NO_FAULTS: Mapping[str, Fault] = {}


class Odd(Exception):
    """Something is wrong with a value; it becomes the fault of its field."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


class Answer(dict[str, Any]):
    """A structure of an answer; ``call`` is the operation, ``path`` leads to it, ``faults`` are its odd fields.

    ``omitted`` are the lists that XML leaves out where they have no entry.
    Raises `OddAnswer` when a field is asked for that is missing or odd, `WrongAccount` when it is of another account.
    """

    __slots__ = ("call", "faults", "omitted", "path")
    call: str
    path: str
    faults: Mapping[str, Fault]
    omitted: frozenset[str]

    def __missing__(self, key: str) -> Any:
        raise self._wrong(key, self.faults.get(key) or Fault("", "is missing"))

    def get(self, key: str, default: Any = None) -> Any:
        """The field, or ``default`` where it is not there."""
        if key in self.faults:
            raise self._wrong(key, self.faults[key])
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self.faults

    def entries(self, key: str) -> list[Any]:
        """A list that is always there, unless its form cannot show that it is empty and all else is there."""
        others = self.keys() - {key, "ResponseMetadata"}
        return list(self.get(key, []) if key in self.omitted and others else self[key])

    def _wrong(self, key: str, fault: Fault) -> DeployError:
        where = f"{self.path}.{key}" if self.path else key
        if fault.account:
            return another_account(self.call, where + fault.path, fault.text)
        return odd(self.call, where + fault.path, fault.text)


class Items(list[Any]):
    """A list of an answer; raises `OddAnswer` when an entry is asked for that it does not have."""

    __slots__ = ("call", "path")
    call: str
    path: str

    @overload
    def __getitem__(self, index: SupportsIndex) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        try:
            return super().__getitem__(index)
        except IndexError:
            raise odd(self.call, self.path, "is empty" if not self else f"has {len(self)} entries only") from None

    @property
    def only(self) -> Any:
        """The entry of a list that was asked for one thing."""
        first = self[0]
        if others := [item for item in self if item != first]:
            names = ", ".join(_name(item) for item in (first, *others))
            raise odd(self.call, self.path, f"has {len(self)} entries where one was asked for: {names}")
        return first


def _name(item: Any) -> str:
    """What tells an entry from others: its id or name."""
    named = (value for key, value in item.items() if key.endswith(("Id", "Arn", "ARN", "Name", "name", "id", "arn")))
    return str(next(named, "one without a name"))


def odd(call: str, path: str, text: str) -> OddAnswer:
    """The error for an answer that is not what the operation's model, or our question, allows."""
    return OddAnswer(
        f"{call}: the answer cannot be right: {path} {text}",
        hint="check whether a proxy or an emulator answers in place of AWS or the cluster; run the same command "
        "again, and if it fails again, report what it says with -vv",
    )


def another_account(call: str, path: str, text: str) -> WrongAccount:
    """The error for an object of another account than the one that the credentials were for."""
    return WrongAccount(
        f"{call}: {path} {text}",
        hint="log in to the environment's account again (AWS_PROFILE, --profile, AWS_ENDPOINT_URL), and run the same "
        "command again",
    )


def checked(client: Any, service: str, operation: str, said: Mapping[str, Any], account: str) -> Answer:
    """What botocore made of the answer to a call, held to the call's model; ``operation`` is the client's method."""
    name = client.meta.method_to_api_mapping[operation]
    return Checked(action_of(service, name), account).answer(said, client.meta.service_model.operation_model(name))


class Reader:
    """Makes what a call was answered: each part is what it is read as, and what is `Odd` the fault of its field."""

    def __init__(self, call: str) -> None:
        self._call = call

    def _fields(self, said: Mapping[str, Any], path: str, read: Callable[[str, Any, str], Any]) -> Answer:
        made, faults = Answer(), dict[str, Fault]()
        for key, value in said.items():
            try:
                dict.__setitem__(made, key, read(key, value, f"{path}.{key}" if path else key))
            except Odd as error:
                faults[key] = error.fault
        made.call, made.path, made.faults, made.omitted = self._call, path, faults or NO_FAULTS, frozenset()
        return made

    def _items(self, values: list[Any], path: str, read: Callable[[Any, str], Any]) -> Items:
        made = Items(_inside(value, path, f"[{number}]", read) for number, value in enumerate(values))
        made.call, made.path = self._call, path
        return made

    def _entries(self, values: Mapping[str, Any], path: str, read: Callable[[Any, str], Any]) -> Answer:
        whole = {key: _inside(value, path, f".{key}", read) for key, value in values.items()}
        return self._fields(whole, path, lambda key, value, at: value)


def _inside(value: Any, path: str, step: str, read: Callable[[Any, str], Any]) -> Any:
    """A part of something whose fault is that of the whole."""
    try:
        return read(value, path + step)
    except Odd as error:
        raise Odd(error.fault._replace(path=step + error.fault.path)) from None


class Checked(Reader):
    """Holds the answers to one operation to its model; ``account`` is ours, "" while it is not known."""

    def __init__(self, call: str, account: str) -> None:
        super().__init__(call)
        self._account = account

    def answer(self, said: Mapping[str, Any], operation: Any) -> Answer:
        """What botocore made of an answer; ``operation`` is botocore's model of it."""
        members = operation.output_shape.members if operation.output_shape is not None else {}
        made = self._structure(said, members, "")
        made.omitted = frozenset(key for key, shape in members.items() if shape.serialization.get("flattened"))
        return made

    def _structure(self, said: Mapping[str, Any], members: Mapping[str, Any], path: str) -> Answer:
        def read(key: str, value: Any, at: str) -> Any:
            if key in members:
                value = self._value(value, members[key], at)
                self._ours(key, value)
            return value

        return self._fields(said, path, read)

    def _value(self, value: Any, shape: Any, path: str) -> Any:
        kind = shape.type_name
        if kind not in _TYPES or (shape.name == _DECODED and value is not None):
            return value
        types, said = _TYPES[kind]
        fits = isinstance(value, types)
        if not fits or (value.__class__ is bool and kind != "boolean"):
            raise Odd(Fault("", "is null" if value is None else f"is not {said}"))
        if kind == "structure":
            return value if shape.is_document_type else self._structure(value, shape.members, path)
        if kind == "list":
            return self._items(value, path, lambda one, at: self._value(one, shape.member, at))
        if kind == "map":
            return self._entries(value, path, lambda one, at: self._value(one, shape.value, at))
        return value

    def _ours(self, key: str, value: Any) -> None:
        """That an object's own ARN is one of our account; those that AWS owns have none, or a word in its place."""
        if value.__class__ is not str or key in OF_OTHERS:
            return
        account = value if key in OWNERS else ""
        if value[:4] == "arn:" and key[-3:].lower() == "arn" and value.count(":") >= 5:
            account = value.split(":", 5)[4]
        if self._account and account.isdigit() and account != self._account:
            raise Odd(Fault("", f"is in account {account}, and the credentials are for {self._account}", account=True))
