"""Copies of this process, each of which does one thing and says what came of it.

A copy is a fork. All that is left in it is the thread that asked for it. Nobody is inside AWS or a cluster at that
moment (`world.lock`), so that no lock of theirs is held for ever.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import threading
import traceback
from collections.abc import Callable
from typing import Any

from tests.kill import world as worlds

_RECOVERY_SECONDS = 300.0


class Copy:
    """One of them at ``work``. It is ended when it is waited for and says nothing for so many seconds."""

    def __init__(self, work: Callable[[], Any], seconds: float = _RECOVERY_SECONDS) -> None:
        self._seconds, self._said = seconds, b""
        self._pipe, theirs = os.pipe()
        with worlds.lock:
            self._pid = os.fork()
        if self._pid == 0:
            _work(work, theirs)
        os.close(theirs)

    def fileno(self) -> int:
        """Something can be read of it when the copy is done."""
        return self._pipe

    def hear(self) -> None:
        """Wait until it has said all and is no more."""
        with os.fdopen(self._pipe, "rb", buffering=0) as pipe:
            while select.select([pipe], [], [], self._seconds)[0]:
                part = pipe.read(1 << 16)
                if not part:
                    break
                self._said += part
            else:
                os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def result(self) -> Any:
        """What the work returned, as JSON carries it; raises AssertionError with the traceback of what it raised."""
        said = json.loads(self._said or b'{"error": "it did not end"}')
        if "error" in said:
            raise AssertionError(said["error"])
        return said["result"]


def _work(work: Callable[[], Any], pipe: int) -> None:
    said: dict[str, Any] = {}
    try:
        gc.disable()  # it would copy every page of the parent's for the sake of a second
        said = {"result": work()}
    except BaseException:  # noqa: BLE001 - it is told to the parent, and the copy ends here
        said = {"error": traceback.format_exc()}
    finally:
        try:
            with os.fdopen(pipe, "wb") as file:
                file.write(json.dumps(said or {"error": "it ended without a word"}).encode())
        finally:
            os._exit(0)  # or the copy would go on as a second pytest, on the channel of the first


def in_child(work: Callable[[], Any], seconds: float = _RECOVERY_SECONDS) -> Any:
    """What ``work`` returns in a copy of this process: as `Copy.result` says."""
    copy = Copy(work, seconds)
    copy.hear()
    return copy.result()


class Copies:
    """One more at a time than there are cores, for one begins or ends: who wants another waits until one is done."""

    def __init__(self) -> None:
        self._at_work: list[Copy] = []
        self._turn = threading.Lock()  # the run and the writer of its state both meet boundaries

    def start(self, work: Callable[[], Any]) -> Copy:
        with self._turn:
            while len(self._at_work) > (os.cpu_count() or 1):
                self._hear_one()
            self._at_work.append(Copy(work))
            return self._at_work[-1]

    def hear_all(self) -> None:
        with self._turn:
            while self._at_work:
                self._hear_one()

    def _hear_one(self) -> None:
        done = select.select(self._at_work, [], [], _RECOVERY_SECONDS)[0] or self._at_work
        done[0].hear()
        self._at_work.remove(done[0])
