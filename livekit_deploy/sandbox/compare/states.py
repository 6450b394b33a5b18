"""Finds the states in an answer: of which object, in which field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from livekit_deploy.sandbox.compare.bindings import TOKEN
from livekit_deploy.sandbox.compare.reading import Call

STATE = re.compile(r"(status|state)$", re.I)
_IDENTITY = re.compile(r"(id|arn|name|identifier)$", re.I)
#: the service, which object, which field
Sight = tuple[str, str, str]
States = dict[Sight, str]


def sights(call: Call, answer: Any) -> States:
    """Of every object in an answer; one without a name of its own is known by what the call asked for."""
    asked = next((one for one in call.sent.values() if isinstance(one, str) and TOKEN.search(one)), "")
    return dict(_seen(call.service, asked, answer, ""))


def _seen(service: str, whose: str, value: Any, path: str) -> Iterator[tuple[Sight, str]]:
    if isinstance(value, list):
        for one in value:
            yield from _seen(service, whose, one, path)
    if not isinstance(value, dict):
        return
    named = [one for key, one in value.items() if isinstance(one, str) and _IDENTITY.search(key)]
    if named:  # a name that AWS gave is one only within something
        whose = named[0] if TOKEN.search(named[0]) else f"{whose} {named[0]}"
    for key, one in value.items():
        if isinstance(one, str) and STATE.search(key) and "<" not in one and whose:
            yield (service, whose, key), one
        else:
            yield from _seen(service, whose, one, key)
