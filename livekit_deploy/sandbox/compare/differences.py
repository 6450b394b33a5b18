"""Differences between AWS's answers and the sandbox's, counted by call and place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from livekit_deploy.sandbox.compare.bindings import form, leaves, paired
from livekit_deploy.sandbox.compare.replay import Replayed
from livekit_deploy.sandbox.compare.states import STATE, sights

#: what depends on how much there is and when, not on how AWS answers
_COUNTS = re.compile(r"(count|size|length|number|time)$", re.I)


@dataclass(frozen=True)
class Difference:
    """``kind`` is missing, extra, form, value, states or error; ``line`` is that of the record where it shows first."""

    kind: str
    call: str
    where: str
    aws: str
    sandbox: str
    line: int
    times: int = 1


class Differences:
    """Hears of one call after the other."""

    def __init__(self) -> None:
        self._fields: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
        self._forms: dict[tuple[str, str], tuple[set[str], set[str], int]] = {}
        self._found: dict[tuple[str, str, str, str, str], tuple[int, int]] = {}
        self._orders: dict[tuple[str, str, str], tuple[list[str], list[str], str, int]] = {}

    def hear(self, one: Replayed) -> None:
        """Note what this call shows."""
        call, heard, said = one.call, one.heard, one.said
        if call.code != heard.code:
            here = f"{heard.code}: {heard.message}" if heard.code else "answers"
            self._note("error", call.name, "", call.code or "answers", here, call.line)
        elif said is not None:
            self._note_fields(call.name, said, heard.answer, call.line)
            self._note_values(call.name, said, heard.answer, call.line)
            self._note_states(one)

    def found(self) -> list[Difference]:
        """All of them, by call."""
        every = [
            *(Difference(*key, line=line, times=times) for key, (line, times) in self._found.items()),
            *self._missing(),
            *self._other_forms(),
            *self._other_orders(),
        ]
        return sorted(every, key=lambda one: (one.call, one.kind, one.where, one.aws))

    # ---- fields and the forms of their texts

    def _note_fields(self, name: str, said: Any, heard: Any, line: int) -> None:
        fields = self._fields.setdefault(name, ({}, {}))
        empty: set[str] = set()
        for mine, answer in zip(fields, (said, heard), strict=True):
            for path, leaf in leaves(answer):
                empty |= {path} if leaf == [] and not re.search(r"[.\[]", path) else set()
                for place in _above(path):
                    mine.setdefault(place, line)
        for path in empty:  # nothing can be said of what is in a list that one of them has nothing in
            for mine in fields:
                mine.setdefault(f"{path}[]", -1)

    def _missing(self) -> Iterator[Difference]:
        for call, (said, heard) in self._fields.items():
            for kind, mine, others in (("missing", said, heard), ("extra", heard, said)):
                only = [path for path in mine if path not in others and not _within(path, others)]
                for path in only:
                    if mine[path] > 0 and not any(path.startswith((f"{above}.", f"{above}[")) for above in only):
                        aws, sandbox = ("has it", "lacks it") if kind == "missing" else ("lacks it", "has it")
                        yield Difference(kind, call, path, aws, sandbox, mine[path])

    def _other_forms(self) -> Iterator[Difference]:
        for (call, path), (said, heard, line) in self._forms.items():
            if said.isdisjoint(heard):
                yield Difference("form", call, path, " or ".join(sorted(said)), " or ".join(sorted(heard)), line)

    # ---- values: of what stands at the same place

    def _note_values(self, name: str, said: Any, heard: Any, line: int, path: str = "") -> None:
        if isinstance(said, dict) and isinstance(heard, dict):
            for key in said.keys() & heard.keys():
                self._note_values(name, said[key], heard[key], line, f"{path}.{key}" if path else key)
        elif isinstance(said, list) and isinstance(heard, list):
            for one, place in paired(said, heard):
                self._note_values(name, one, heard[place], line, f"{path}[]")
        elif isinstance(said, dict | list) or isinstance(heard, dict | list):
            return
        elif form(said) or form(heard):
            forms = self._forms.setdefault((name, path), (set(), set(), line))
            forms[0].add(form(said) or str(said))
            forms[1].add(form(heard) or str(heard))
        elif said != heard and not STATE.search(path) and not _COUNTS.search(path):
            self._note("value", name, path, str(said), str(heard), line)

    def _note(self, kind: str, call: str, where: str, aws: str, sandbox: str, line: int) -> None:
        first, times = self._found.get((kind, call, where, aws, sandbox), (line, 0))
        self._found[kind, call, where, aws, sandbox] = (first, times + 1)

    # ---- the order of states

    def _note_states(self, one: Replayed) -> None:
        said = sights(one.call, one.said)
        heard = sights(one.call, one.heard.answer)
        for key in said.keys() & heard.keys():
            mine, theirs, _, _ = self._orders.setdefault(key, ([], [], one.call.name, one.call.line))
            _follow(mine, [said[key]])
            _follow(theirs, [*(states[key] for states in one.passing if key in states), heard[key]])

    def _other_orders(self) -> Iterator[Difference]:
        orders: dict[tuple[str, str, str, str], tuple[int, int]] = {}
        for (_, _, field), (said, heard, call, line) in self._orders.items():
            if said != heard:
                key = (call, field, " → ".join(said), " → ".join(heard))
                first, times = orders.get(key, (line, 0))
                orders[key] = (min(first, line), times + 1)
        for (call, field, aws, sandbox), (line, times) in orders.items():
            yield Difference("states", call, field, aws, sandbox, line, times)


def _follow(order: list[str], states: Iterable[str]) -> None:
    for state in states:
        if order[-1:] != [state]:
            order.append(state)


def _above(path: str) -> Iterator[str]:
    """A place and all that it is in."""
    while path:
        yield path
        path = re.sub(r"(\[\]|\.?[^.\[\]]+)$", "", path)


def _within(path: str, others: dict[str, int]) -> bool:
    """Whether it is in something of which nothing can be said."""
    return any(others.get(above) == -1 for above in _above(path))
