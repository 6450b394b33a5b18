"""Checks the rest of a file that has an error, as if the wrong part were missing."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from livekit_deploy.config.accepted_forms import field_of
from livekit_deploy.config.models import Environment
from livekit_deploy.config.refusals import meant, place_of_error
from livekit_deploy.config.section import Section, Unknown
from livekit_deploy.config.typed_secrets import Place

_ROUNDS = 3  # what one removal uncovers, such as a section that then lacks a key


def without(told: Mapping[str, Any], places: Iterable[Place]) -> dict[str, Any]:
    """A copy of a document without what stands at these places; an item of a list takes the whole list with it."""
    found = copy.deepcopy(dict(told))
    for place in places:
        _removed(found, _whole(place))
    return found


def _whole(place: Place) -> Place:
    return next((place[:end] for end, part in enumerate(place) if isinstance(part, int)), place)


def _removed(data: Any, place: Place) -> None:
    for part in place[:-1]:
        data = data.get(part) if isinstance(data, dict) else None
    if isinstance(data, dict):
        data.pop(place[-1], None)


def salvaged(whole: Mapping[str, Any], wrong: Iterable[Place]) -> Environment | None:
    """The environment that stays without what is wrong, which raises `Unknown` when it is read; None if none does."""
    unknown = set(map(_whole, wrong))
    data = without(whole, unknown)
    for _ in range(_ROUNDS):
        try:
            return _blinded(Environment.model_validate(data), unknown)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                place = _whole(place_of_error(item))
                if item["type"] == "missing":
                    _filled(data, place)
                else:
                    _removed(data, place)
                unknown.add(place)
    return None


def _filled(data: dict[str, Any], place: Place) -> None:
    """Put the field's own example where a value is needed."""
    examples = field_of(place).examples
    for part in place[:-1]:
        data = data.setdefault(str(part), {})
    data[str(place[-1])] = examples[0] if examples else {}


def _blinded(env: Environment, places: Iterable[Place]) -> Environment:
    env = env.model_copy(deep=True)
    for place in sorted(places, key=len):
        *above, last = place
        if near := meant(place):
            _hide(env, above, near)
        _hide(env, above, str(last))
    return env


def _hide(env: Environment, above: Iterable[str | int], key: str) -> None:
    found: Any = env
    with contextlib.suppress(Unknown):
        for part in above:
            found = found.get(part) if isinstance(found, dict) else getattr(found, str(part), None)
        if isinstance(found, Section) and key in type(found).model_fields:
            found.__dict__.pop(key, None)
