"""Puts corrections into moto: functions with the name and the arguments of the method that each is to replace."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

_making = threading.RLock()
Original = Callable[..., Any]


class Corrections:
    """Those of one file, in the order in which they stand there; moto is as it was until `install`."""

    def __init__(self) -> None:
        self._written: list[tuple[type, str, Original]] = []

    def __call__(self, cls: type, *names: str) -> Callable[[Original], Original]:
        """Let a function replace the method of its name, or those of ``names``: it gets the bound original first."""

        def write(function: Original) -> Original:
            self._written += [(cls, name, function) for name in names or (function.__name__,)]
            return function

        return write

    def install(self) -> None:
        """Put them in."""
        for cls, name, function in self._written:
            setattr(cls, name, _method(getattr(cls, name), function))


def _method(original: Original, function: Original) -> Original:
    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(functools.partial(original, self), self, *args, **kwargs)

    return method


def operations_of(owner: type) -> list[str]:
    """The methods that answer an operation, and are named as it: by two words or more. Others are called by one."""
    return [name for name in vars(owner) if "_" in name.strip("_") and not name.startswith("_")]


def kept(backend: Any, name: str, make: Callable[[], Any]) -> Any:
    """A value of ours on one of moto's backends: it belongs to its account and region, and a reset wipes it."""
    with _making:
        key = f"_sandbox_{name}"
        if key not in backend.__dict__:
            backend.__dict__[key] = make()
        return backend.__dict__[key]
