"""The terms of one run: an immutable value that is made when the run begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from livekit_deploy.aws.access.clients import Fence


def _goes_on() -> bool:
    return False


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Terms:
    """``fence``, of a run that holds a lease, is called right before each attempt of a mutating call leaves, with the
    real time at which its first attempt began; it raises `LostLease` to keep the request from leaving.

    ``stopping`` says whether the run is to end: what goes on for long by other ways than boto3 asks it. ``max_drain``
    is the most seconds that a pod is given to end its calls before its node goes; None is what its chart gives it.
    ``command`` is what is carried out, "" before something is: after `up` the environment goes on, so that nodes that
    take over may still have to join; with `down` all of it goes, and nothing serves in the place of what ends.
    ``renew`` writes the lease anew, or raises `LostLease`: before what lasts longer than a call.
    """

    fence: Fence | None = None
    stopping: Callable[[], bool] = _goes_on
    max_drain: int | None = None
    command: str = ""
    renew: Callable[[], None] = _nothing
