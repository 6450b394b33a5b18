"""Faults of the API server on request: it refuses, or is silent for a while and then continues.

One that is silent neither greets who connects nor answers who has; what it was sent meanwhile it does afterwards,
whether or not anybody still waits for the answer. So does a real one that was stopped, or starved of its processor.
"""

from __future__ import annotations

import threading
import time

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.objects.errors import ApiError, TooManyRequests
from livekit_deploy.sandbox.faults.catalogue import CATALOGUE, Effect
from livekit_deploy.sandbox.faults.plan import KUBERNETES, Call, Fault, current

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Disturbances:
    """Of one API server; ``clock`` says how long AWS's seconds are."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._until = 0.0

    def greet(self) -> None:
        """Return once it is not silent any more: before a connection is opened, or a request is looked at."""
        while (left := self._until - time.monotonic()) > 0 and not current.lifted.is_set():
            current.lifted.wait(left)

    def meet(self, method: str, path: str) -> None:
        """One request: raise `ApiError` when it is to be refused."""
        self.greet()
        fault = current.strike(Call(KUBERNETES, _VERBS.get(method, method.lower()), {"path": path}))
        if fault is None:
            return
        kind = CATALOGUE[fault.fault]
        if kind.effect is Effect.SILENCE:
            with self._lock:
                self._until = time.monotonic() + self._clock.real(fault.seconds)
            self.greet()
            return
        raise _refusal(fault)


def _refusal(fault: Fault) -> ApiError:
    kind = CATALOGUE[fault.fault]
    message = fault.message or kind.message
    if kind.status == 429:
        return TooManyRequests(message)
    return ApiError(kind.status, message, None if kind.status == 500 else "")
