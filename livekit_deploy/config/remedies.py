"""Suggests what to write instead of a value that a field does not accept."""

from __future__ import annotations

import difflib
import os
import re
from ipaddress import IPv4Network
from typing import Any

from livekit_deploy.config.accepted_forms import (
    KEY,
    MOST_SHOWN,
    example,
    expected,
    fits,
    kinds_at,
    takes_anything,
    words_at,
)
from livekit_deploy.config.admins import instead as admin_instead
from livekit_deploy.config.ambiguous_values import Unclear
from livekit_deploy.config.regions import nearest
from livekit_deploy.config.section import DNS, in_yaml
from livekit_deploy.config.typed_secrets import Place

_EXPLAINED = "see docs/configuration.md"
_URL = re.compile(r"^\w+://|(?<!:)(?<!:/)[:/?](?!//).*$|\.$")
_BLOCK = ", and begin a block with |- where it is one: | ends it in a line break"
_SWITCH = {"yes": "true", "on": "true", "1": "true", "y": "true", "no": "false", "off": "false", "0": "false"}


def remedy(place: Place, value: Any, text: str) -> str:
    """In the imperative; ``text`` is how the value is written, "" where that is not known."""
    if takes_anything(place) and isinstance(value, Unclear):
        quoted = f'quote it if it is text, as in "{value.text}"'
        return f"{numbers}; {quoted}" if (numbers := _numbers(place, value)) else quoted
    if not isinstance(value, str):
        return _of_another_kind(place, value, text) or _usual(place, value)
    if place[:-1] == ("cluster", "admins"):
        return admin_instead(value)
    if near := _near(place, value):
        return f"did you mean {near!r}?"
    if fixed := _fixed(place, value):
        return f"write {in_yaml(fixed)}{_BLOCK if value.endswith(chr(10)) else ''}"
    return _usual(place, value)


def _usual(place: Place, value: Any) -> str:
    if isinstance(value, list | tuple) and not value:
        return f"name one or more, such as {example(place)}"
    if words := words_at(place):
        return "name one of these" if len(words) <= MOST_SHOWN else _EXPLAINED
    such = example(place)
    if place[-1:] == (KEY,) or not such:
        return "such as {key: value}"
    return f"such as {such}"


def _of_another_kind(place: Place, value: Any, text: str) -> str:
    """For a number, a switch or an odd value."""
    written = value.text if isinstance(value, Unclear) else text
    if not written:
        return ""
    if fits(place, written):
        return f'quote it, as in "{written}"'
    kinds = kinds_at(place)
    if isinstance(value, Unclear) and int in kinds:
        return _numbers(place, value)
    return f"write {_SWITCH[written]}" if bool in kinds and written in _SWITCH else ""


def _numbers(place: Place, value: Unclear) -> str:
    found = [str(number) for number in dict.fromkeys(value.numbers()) if takes_anything(place) or fits(place, number)]
    return f"write {' or '.join(found)}" if found else ""


def _near(place: Place, value: str) -> str:
    """A word of the list, or a region, that is written much like it."""
    if place == ("region",):
        return nearest(value)
    words = {word.lower(): word for word in words_at(place)}
    close = difflib.get_close_matches(value.lower(), sorted(words), n=1)
    return words[close[0]] if close else ""


def _fixed(place: Place, value: str) -> Any:
    """The same without what does not belong to it, where that is taken; None where it is not."""
    stripped, kinds = value.strip(), kinds_at(place)
    tries: list[Any] = [stripped]
    if IPv4Network in kinds:
        tries.append(_range(stripped))
    if str in kinds:
        tries.append(_domain(stripped) if expected(place) == DNS.words else os.path.expanduser(stripped))
    if int in kinds and re.fullmatch(r"-?\d{1,9}", stripped):
        tries.append(int(stripped))
    if bool in kinds and stripped.lower() in (*_SWITCH, "true", "false"):
        tries.append(_SWITCH.get(stripped.lower(), stripped.lower()) == "true")
    return next((one for one in tries if one not in ("", value) and fits(place, one)), None)


def _range(text: str) -> str:
    try:
        return str(IPv4Network(text, strict=False))
    except ValueError:
        return ""


def _domain(text: str) -> str:
    """A name as DNS has it: of an address, of letters that are not ASCII, of capitals."""
    try:
        return _URL.sub("", text).lower().encode("idna").decode("ascii")
    except UnicodeError:
        return ""
