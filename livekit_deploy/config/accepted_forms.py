"""Describes in words what each place of a file accepts, from the models."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from livekit_deploy.config.models import Environment
from livekit_deploy.config.section import BRANCHES, Form, in_yaml
from livekit_deploy.config.typed_secrets import Place

KEY = "[key]"  # what pydantic puts behind a key that is wrong itself
MOST_SHOWN = 16  # words of a list that an error names
_COUNTED = {2: "two", 3: "three"}


def place_of(location: Sequence[str | int]) -> Place:
    """pydantic's location without the branches of unions."""
    return tuple(part for part in location if not (isinstance(part, str) and part in BRANCHES))


def at(place: Place) -> list[Any]:
    """The annotations that hold at a place: of a key, of an item of a list or mapping, or of a mapping's keys."""
    found: list[Any] = [Environment]
    for part in place:
        found = [inner for annotation in found for kind in plain(annotation) for inner in _below(kind, part)]
    return found


def _below(kind: Any, part: str | int) -> Iterator[Any]:
    if is_section(kind):
        if (field := kind.model_fields.get(str(part))) is not None:
            yield Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    elif get_origin(kind) is dict:
        yield get_args(kind)[0 if part == KEY else 1]
    elif get_origin(kind) is tuple and isinstance(part, int):
        items = get_args(kind)
        yield items[0] if items[-1] is ... else items[min(part, len(items) - 1)]


def is_section(kind: Any) -> TypeGuard[type[BaseModel]]:
    """Whether a type has keys of its own."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def plain(annotation: Any) -> Iterator[Any]:
    """The types in an annotation, without unions and `Annotated`."""
    if get_origin(annotation) is Annotated:
        yield from plain(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from plain(part)
    else:
        yield annotation


def kinds_at(place: Place) -> set[Any]:
    """The types that a place takes, None and words from a list aside."""
    return {kind for annotation in at(place) for kind in plain(annotation) if kind is not NoneType}


def takes_text(place: Place) -> bool:
    """Whether it takes text and nothing else but none."""
    return kinds_at(place) == {str}


def takes_none(place: Place) -> bool:
    """Whether it may be null."""
    return any(kind is NoneType for annotation in at(place) for kind in plain(annotation))


def takes_anything(place: Place) -> bool:
    """Whether what stands there is handed on as it is."""
    return any(Any in kinds_at(place[:end]) for end in range(1, len(place) + 1))


def fits(place: Place, value: Any) -> bool:
    """Whether a place takes a value."""
    for adapter in _adapters(place):
        try:
            adapter.validate_python(value)
        except ValidationError:
            continue
        return True
    return False


@functools.lru_cache(maxsize=1024)
def _adapters(place: Place) -> list[TypeAdapter[Any]]:
    return [TypeAdapter(annotation) for annotation in at(place)]


def models_at(place: Place) -> list[type[BaseModel]]:
    """The sections that a place may hold."""
    found = (kind for annotation in at(place) for kind in plain(annotation))
    return [kind for kind in found if is_section(kind)]


def field_of(place: Place) -> FieldInfo:
    """The declaration of the known key at a place, or of the list or mapping that it is an item of."""
    return next(
        model.model_fields[str(place[end - 1])]
        for end in range(len(place), 0, -1)
        for model in models_at(place[: end - 1])
        if str(place[end - 1]) in model.model_fields
    )


def example(place: Place) -> str:
    """A value that a place takes, as it is written into a file; "" where there is none to give."""
    field = field_of(place)
    for value in (*(field.examples or ()), field.default):
        found = _inside(value, place)
        if isinstance(found, str | int | list) and fits(place, found):
            return in_yaml(found)
    return ""


def _inside(value: Any, place: Place) -> Any:
    """What of a field's value stands at a place: for an item of a list, the item."""
    if not isinstance(place[-1], int):
        return value
    return value[min(place[-1], len(value) - 1)] if isinstance(value, list) and value else None


def words_at(place: Place) -> Sequence[str]:
    """The words of a list that a place takes one of."""
    return [
        str(word)
        for annotation in at(place)
        for kind in plain(annotation)
        if get_origin(kind) is Literal
        for word in get_args(kind)
    ]


def expected(place: Place) -> str:
    """What a place takes, in words that continue after "it must be"."""
    return ", or ".join(dict.fromkeys(words for annotation in at(place) for words in _said(annotation, [])))


def _said(annotation: Any, metadata: list[Any]) -> Iterator[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _said(arguments[0], [*metadata, *_flat(arguments[1:])])
    elif origin in (Union, UnionType):
        for part in arguments:
            yield from _said(part, [])
    elif annotation is not NoneType:
        form = next((item.words for item in metadata if isinstance(item, Form)), "")
        yield form or _kind(annotation, origin, arguments, metadata)


def _flat(metadata: Sequence[Any]) -> Iterator[Any]:
    for item in metadata:
        yield from item.metadata if isinstance(item, FieldInfo) else [item]


def _kind(annotation: Any, origin: Any, arguments: tuple[Any, ...], metadata: list[Any]) -> str:
    if origin is Literal:
        return _one_of(arguments)
    if origin is tuple:
        exact = "" if arguments[-1] is ... else f" of {_COUNTED.get(len(arguments), str(len(arguments)))}"
        return f"a list{exact or _of_length(metadata)}"
    if origin is dict:
        return "a mapping"
    if is_section(annotation):
        return "a section with keys of its own"
    return {bool: "true or false", str: "text", int: f"a whole number{_between(metadata)}"}.get(annotation, "a value")


def _one_of(words: tuple[Any, ...]) -> str:
    if len(words) == 1:
        return str(words[0])
    if len(words) > MOST_SHOWN:
        return f"one of the {len(words)} names that docs/configuration.md lists"
    return f"one of {', '.join(map(str, words))}"


def _limit(metadata: list[Any], name: str) -> Any:
    return next((getattr(item, name) for item in metadata if hasattr(item, name)), None)


def _between(metadata: list[Any]) -> str:
    least, most = _limit(metadata, "ge"), _limit(metadata, "le")
    if most is not None:
        return f" from {least} to {most}"
    return "" if least is None else f", {least} or more"


def _of_length(metadata: list[Any]) -> str:
    least = _limit(metadata, "min_length")
    most = _limit(metadata, "max_length")
    if most is not None:
        return f" of {least or 0} to {most}"
    return " of one or more" if least else ""
