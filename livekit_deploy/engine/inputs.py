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

    ``api`` names the parameter of the create call that it becomes; ``way_out`` is what the plan tells the user when
    a FIXED input changes. What is ``foreign`` should be none: it holds what others added, and `up` takes that away.
    """

    many = False

    def __init__(
        self,
        *,
        api: str = "",
        change: Change = Change.MUTABLE,
        default: Any = ...,
        way_out: str = "",
        ordered: bool = False,
        foreign: bool = False,
    ) -> None:
        self.foreign = foreign
        self.api, self.change, self.default, self.way_out, self.ordered = api, change, default, way_out, ordered
        self.name = ""

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
    """``vpc.id`` is a `Ref` to what `read` will report under that key."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, obj: Source, owner: type | None = None) -> Ref[T]:
        return Ref(obj, self.name)


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
