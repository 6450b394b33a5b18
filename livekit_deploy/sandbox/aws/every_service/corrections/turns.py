"""Serializes requests: moto iterates over dictionaries that other requests change."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import BaseResponse

from livekit_deploy.sandbox.aws.every_service.patching import Corrections

_turn = threading.RLock()
corrected = Corrections()


@corrected(BaseResponse)
def call_action(original: Callable[[], Any], response: Any) -> Any:
    with _turn:
        return original()


def install() -> None:
    """Let requests take turns; must come before every other correction of the same method, so as to be inside of it."""
    corrected.install()
    os.register_at_fork(after_in_child=_anew)


def _anew() -> None:
    """A copy of this process has none of the threads that may hold the lock."""
    global _turn
    _turn = threading.RLock()
