"""The fields of a resource: a value, a reference to another resource's output, or the address of a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import NoneType
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Unresolved(Exception):
    """A field was read while it still holds a reference to something that is not made yet."""


class Change(StrEnum):
    """What it means when the configuration of an Input changes."""

    MUTABLE = "mutable"  # changed in place
    CREATE_ONLY = "create-only"  # applied once when the configuration changes; drift of it never shows
    IMMUTABLE = "immutable"  # part of the name: a new resource is made first, the old one deleted last
    FIXED = "fixed"  # refused (BLOCKED), with the way out


class Source(Protocol):
    """A resource, as far as a reference to one of its outputs has to know it."""

    generation: int

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def renewed(self) -> frozenset[str]: ...

    @property
    def regained(self) -> frozenset[str]: ...

    def lasts(self, output: str, address: str) -> bool: ...


@dataclass(frozen=True, eq=False)
class Ref(Generic[T_co]):
    """A value that another resource will have once it exists."""

    source: Source
    output: str

    @property
    def address(self) -> str:
        return self.source.address

    def __repr__(self) -> str:
        return f"Ref({self.address}.{self.output})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other.source is self.source and other.output == self.output

    def __hash__(self) -> int:
        return hash((id(self.source), self.output))


@dataclass(frozen=True)
class SecretRef:
    """Where a secret value is kept in Secrets Manager; the value itself is read inside the call that needs it.

    ``key`` selects a member of a JSON secret ("" for the whole string); ``version`` is the VersionId.
    """

    arn: str
    key: str
    version: str

    def plain(self) -> dict[str, str]:
        """The form that goes into the state document; it holds no secret."""
        return {"$secret": self.arn, "key": self.key, "version": self.version}


class Input(Generic[T]):
    """A declared field: takes a value or a `Ref`, and reads as a value.

    ``api`` is where a request has it (`Resource.arguments`), ``shown`` where an answer has it (`Resource.props_of`),
    the same place unless it is given; "" where the kind says, or reads, it itself. Both are paths: ``a.b`` is in a
    structure, ``a[0]`` the first of a list, ``a[].b`` in each of its entries. ``to_api`` and ``from_api`` convert what
    is not the same there; ``absent`` is what an answer without it means, where it may be without it. A missing value of
    many is none, and one whose default is None is None.

    ``way_out`` is what the plan tells the user when a FIXED input changes. What is ``foreign`` should be none: it holds
    what others added, and `up` takes that away.
    """

    many = False

    def __init__(
        self,
        *,
        api: str = "",
        shown: str | None = None,
        to_api: Callable[[Any], Any] | None = None,
        from_api: Callable[[Any], Any] | None = None,
        absent: Any = ...,
        change: Change = Change.MUTABLE,
        default: Any = ...,
        way_out: str = "",
        ordered: bool = False,
        foreign: bool = False,
    ) -> None:
        self.api, self.shown = api, api if shown is None else shown
        self.to_api, self.from_api = to_api, from_api
        self.absent = absent if absent is not ... else () if self.many else None if default is None else ...
        self.change, self.default, self.way_out = change, default, way_out
        self.ordered, self.foreign = ordered, foreign
        self.name = ""

    def in_request(self, value: Any) -> Any:
        """A value as a request has it; None for what is left out."""
        if self.many:
            value = list(value) if self.ordered else sorted(value)
        return value if self.to_api is None or value is None else self.to_api(value)

    def in_answer(self, answer: Mapping[str, Any]) -> Any:
        """The value that an answer shows."""
        value = found_at(answer, self.shown, self.absent)
        if self.from_api is not None and value is not self.absent:
            return self.from_api(value)
        return value if not self.many else list(value) if self.ordered else sorted(value)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, obj: object | None, owner: type | None = None) -> T:
        if obj is None:
            raise AttributeError(self.name)
        value = obj.__dict__[self.name]
        pending = next(references(value), None)
        if pending is not None:
            raise Unresolved(f"{pending.address}.{pending.output}")
        return value  # type: ignore[no-any-return]

    def __set__(self, obj: object, value: T | Ref[T]) -> None:
        obj.__dict__[self.name] = value


class Inputs(Input[tuple[T, ...]], Generic[T]):
    """A field of many values, each a value or a `Ref`. Compared as a set unless ``ordered``."""

    many = True

    def __set__(self, obj: object, value: Sequence[T | Ref[T]] | Ref[Sequence[T]] | Ref[tuple[T, ...]]) -> None:
        obj.__dict__[self.name] = value if isinstance(value, Ref) else tuple(value)


class Output(Generic[T]):
    """``vpc.id`` is a `Ref` to what `read` will report under that key.

    ``shown`` is where an answer has it (`Resource.outputs_of`), "" for what the kind reads itself; ``absent`` is what
    it is while the answer does not tell it.
    """

    def __init__(self, shown: str = "", *, absent: Any = ...) -> None:
        self.shown, self.absent = shown, absent

    def in_answer(self, answer: Mapping[str, Any]) -> Any:
        """The value that an answer shows."""
        return found_at(answer, self.shown, self.absent)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, obj: Source, owner: type | None = None) -> Ref[T]:
        return Ref(obj, self.name)


def place(request: dict[str, Any], path: str, value: Any) -> None:
    """Put a value into a request at a path."""
    (name, first, rest) = _step(path)
    if not rest:
        request[name] = [value] if first else value
        return
    inner = request.setdefault(name, [{}] if first else {})
    place(inner[0] if first else inner, rest, value)


def found_at(answer: Mapping[str, Any], path: str, absent: Any = ...) -> Any:
    """What an answer has at a path; ``absent`` where it has nothing there, and where there is none it is asked for it.

    An entry of a list is asked for what is in it.
    """
    name, index, rest = _step(path)
    value: Any = answer[name] if absent is ... else answer.get(name)
    if index and value:
        asked = [found_at(one, rest) if rest else one for one in (value if index == "]" else value[:1])]
        return asked if index == "]" else asked[0]
    if value is None or index:
        return absent
    return found_at(value, rest, absent) if rest else value


def _step(path: str) -> tuple[str, str, str]:
    head, _, rest = path.partition(".")
    name, _, index = head.partition("[")
    return name, index, rest


#: holds nothing: most of what is walked through is one, and to ask whether something is a mapping takes long
_SCALAR = (str, int, float, NoneType)


def references(value: Any) -> Iterator[Ref[Any]]:
    """Every `Ref` inside a value, however deep in lists and mappings."""
    if isinstance(value, _SCALAR):
        return
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item)


def substitute(value: Any, lookup: Callable[[Ref[Any]], Any]) -> Any:
    """A copy of ``value`` with every `Ref` replaced by ``lookup(ref)``."""
    if isinstance(value, _SCALAR):
        return value
    if isinstance(value, Ref):
        return lookup(value)
    if isinstance(value, Mapping):
        return {key: substitute(item, lookup) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(substitute(item, lookup) for item in value)
    return value


def plain(value: Any) -> Any:
    """A value as JSON would give it back: tuples become lists, a `SecretRef` its address."""
    if isinstance(value, _SCALAR):
        return value
    if isinstance(value, SecretRef):
        return value.plain()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def revive(value: Any) -> Any:
    """The reverse of `plain` for recorded inputs: a recorded secret address becomes a `SecretRef` again."""
    if isinstance(value, Mapping):
        if "$secret" in value:
            return SecretRef(value["$secret"], value["key"], value["version"])
        return {key: revive(item) for key, item in value.items()}
    if isinstance(value, list):
        return [revive(item) for item in value]
    return value
