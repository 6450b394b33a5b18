"""What one view of a cloud keeps: the answers that it was given, and what is made once for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from livekit_deploy.errors import DeployError


class Memory:
    """Answers by what was asked, each asked for once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, Future[Any]] = {}

    def answer(self, key: str, ask: Callable[[], Any]) -> Any:
        """The answer; whoever asks while somebody does waits for it. An error is for those who wait."""
        with self._lock:
            answer, first = self._answers.get(key), key not in self._answers
            if answer is None:
                answer = self._answers[key] = Future()
        if first:
            try:
                answer.set_result(ask())
            except DeployError as error:
                with self._lock:
                    del self._answers[key]  # who asks again is told anew
                answer.set_exception(error)
            finally:
                answer.cancel()  # of effect only when we were interrupted: nobody may wait for ever
        return answer.result()


class Kept:
    """What is made once for a view: a Kubernetes client of a cluster, for instance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, Any] = {}
        self._making: dict[str, threading.Lock] = {}

    def value(self, key: str, make: Callable[[], Any]) -> Any:
        """The value under a key; whoever asks while somebody makes it waits for it."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if key not in self._values:
                self._values[key] = make()
            return self._values[key]

    def clear(self) -> None:
        """Make everything anew."""
        self._values.clear()
