"""What one view of a cloud keeps: the answers that it was given, and what is made once for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Memory:
    """Answers by what was asked, and what is made once (a Kubernetes client, for instance), each asked for once."""

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
            except BaseException as error:
                with self._lock:
                    self._answers.pop(key, None)  # who asks again is told anew
                answer.set_exception(error)
                raise
        return answer.result()

    def clear(self) -> None:
        """Ask for everything anew."""
        self._answers.clear()
