"""Hostile text, and every screen with it in every field."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import inspect
import io
import random
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as some

from livekit_deploy import errors
from livekit_deploy.render.screen import Screen

#: what somebody may have on_screen into a tag, an event, a file or a state
PARTS = (
    "\x1b[2K\x1b[1A", "\x1b]8;;https://evil.example\x07", "\x9b31m", "\u202e", "\u2066", "\u200b", "\u2028", "\x85",
    "\x00", "\r", "\n", "lead\nBROKEN", "\n::error::forged", "::set-output name=x::forged", " ::stop-commands::forged ",
    "##[error]forged", "[/]", "[link=https://evil.example]", "[bold", "]", "\\", "\\[", "|", "`", "```\n",
    "<img src=x>", "[a](https://evil.example)", "\ud800", "%0A", "%", "x" * 70, "plain", " ",
)  # fmt: skip
HOSTILE = some.lists(some.sampled_from(PARTS), min_size=1, max_size=4).map("".join)
BARE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
FORGED = re.compile(r"^(?:\s*::[A-Za-z][^\n]*::|.*##\[|BROKEN)", re.MULTILINE)


class Maker:
    """Instances of any dataclass with hostile text wherever text may be."""

    def __init__(self, texts: list[str], seed: int) -> None:
        self._texts, self._random = texts, random.Random(seed)

    def text(self) -> str:
        return self._random.choice(self._texts)

    def make(self, kind: Any) -> Any:
        if dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind)
            wanted = [item for item in dataclasses.fields(kind) if item.init]
            return kind(**{item.name: self.make(hints[item.name]) for item in wanted})  # type: ignore[operator]
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Literal:
            return self._random.choice(inner)
        if origin in (typing.Union, types.UnionType):
            return self.make(self._random.choice([one for one in inner if one is not type(None)]))
        if origin in (dict, Mapping) or (inspect.isclass(origin) and issubclass(origin, Mapping)):
            return {self.make(inner[0]): self.make(inner[1]) for _ in range(2)}
        if origin is tuple and Ellipsis not in inner:
            return tuple(map(self.make, inner))
        if origin is not None and inner:
            return [self.make(inner[0]) for _ in range(2)] if origin is list else (self.make(inner[0]),) * 2
        return self._plain(kind)

    def _plain(self, kind: Any) -> Any:
        if inspect.isclass(kind) and issubclass(kind, enum.Enum):
            return self._random.choice(list(kind))
        if inspect.isclass(kind) and issubclass(kind, errors.DeployError):
            return kind(self.text(), hint=self.text())
        if kind is bool:
            return self._random.random() < 0.5
        if kind in (int, float):
            return kind(self._random.choice((0, 1, 700)))
        if kind is Any or kind is object:
            return self._random.choice([self.text(), [self.text(), self.text()], {self.text(): self.text()}, 5, None])
        return self.text()


def on_screen(show: Callable[[Maker, Screen], object], make: Maker) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        show(make, Screen(color=False, verbose=make.make(int)))
    return out.getvalue()
