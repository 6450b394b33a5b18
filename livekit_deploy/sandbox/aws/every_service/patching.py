"""Replaces a method of a moto class with one that is given the original."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

_making = threading.RLock()


def around(cls: type, name: str) -> Callable[[Callable[..., Any]], None]:
    """Replace ``cls.name`` by the decorated function, which takes the original method before ``self``."""

    def replace(function: Callable[..., Any]) -> None:
        original = getattr(cls, name)

        @functools.wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return function(functools.partial(original, self), self, *args, **kwargs)

        setattr(cls, name, method)

    return replace


def kept(backend: Any, name: str, make: Callable[[], Any]) -> Any:
    """A value of ours on one of moto's backends: it belongs to its account and region, and a reset wipes it."""
    with _making:
        key = f"_sandbox_{name}"
        if key not in backend.__dict__:
            backend.__dict__[key] = make()
        return backend.__dict__[key]
