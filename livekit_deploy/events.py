"""The events of a run: typed values that are handed to one callback.

The engine and the Deployer emit them; the CLI renders them; a program that uses the library passes ``on_event``.
No event holds a secret: values are never part of one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, dataclass_transform

_logger = logging.getLogger(__name__)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Event:
    """Base of all events; ``type`` is its name in JSON."""

    type: ClassVar[str] = "event"

    def __init_subclass__(cls) -> None:
        """Make a frozen dataclass of every event."""
        dataclass(frozen=True, kw_only=True)(cls)

    def plain(self) -> dict[str, Any]:
        """The event as JSON-ready values."""
        return {"type": self.type, **vars(self)}


Emit = Callable[[Event], None]


def silent(event: Event) -> None:
    """The callback of a caller that does not listen."""


def warnings(emit: Emit) -> Callable[[str], None]:
    """Tells a text as a warning, each one once."""
    told: set[str] = set()

    def tell(text: str) -> None:
        if text not in told:
            told.add(text)
            emit(Notice(level="warning", message=text))

    return tell


def one_at_a_time(listener: Emit) -> Emit:
    """The same callback, which is never called by two threads at once, and of which no failure ends a run.

    What it raises goes to the log, of each event's type once.
    """
    turn = threading.Lock()
    failed: set[str] = set()

    def emit(event: Event) -> None:
        with turn:
            try:
                listener(event)
            except Exception:
                if event.type not in failed:
                    failed.add(event.type)
                    _logger.exception("the listener failed at the event %s: the run continues", event.type)

    return emit


class RunStarted(Event):
    """A command begins: ``stages`` counts the changes planned in each stage."""

    type = "run_started"
    command: str
    env: str
    stages: Mapping[str, int]
    total: int


class LeaseWaiting(Event):
    """Somebody else holds the lease; it ends in ``remaining_s`` seconds unless renewed."""

    type = "lease_waiting"
    holder: str
    since: str
    remaining_s: float


class LeaseTakenOver(Event):
    """A dead holder's lease was taken over; ``unfinished`` are the records it left in the middle of something."""

    type = "lease_taken_over"
    holder: str
    since: str
    unfinished: tuple[str, ...]


class Looked(Event):
    """What `verify` sees has changed: ``failing`` has what each check that fails saw; empty when all is well."""

    type = "looked"
    failing: Mapping[str, str]


class ResourceEvent(Event):
    """Something happens to one resource: what is done to it is ``verb``."""

    address: str
    verb: str
    stage: str


class Started(ResourceEvent):
    """Work on one resource begins; ``usual_s`` is how long it usually takes, in seconds."""

    type = "started"
    usual_s: float


class Progress(ResourceEvent):
    """A resource is still in progress; ``detail`` says on what it waits."""

    type = "progress"
    detail: str
    elapsed_s: float
    usual_s: float


class Done(ResourceEvent):
    """A resource is as desired, or gone. Where its time went: ``queued_s`` with no worker or call free, ``calling_s``,
    ``waiting_s`` for AWS to be done with it, ``writing_s`` for the state to be written; all in seconds."""

    type = "done"
    id: str
    elapsed_s: float
    queued_s: float = 0.0
    calling_s: float = 0.0
    waiting_s: float = 0.0
    writing_s: float = 0.0


class ResourceFailed(ResourceEvent):
    """A resource could not be brought to where it should be; ``likely`` is what is probably behind it, or ""."""

    type = "failed"
    message: str
    hint: str
    likely: str
    code: str
    request_id: str
    elapsed_s: float


class Skipped(Event):
    """A resource was not tried, because ``because`` failed before it."""

    type = "skipped"
    address: str
    because: str


class Kept(Event):
    """An object that was to be deleted stays, since it is not ours, or something that stays holds it."""

    type = "kept"
    address: str
    stage: str
    id: str
    why: str


class KeyChanged(Event):
    """An API key was ``added`` to Secrets Manager, or ``removed``; ``name`` says what it is for."""

    type = "key_changed"
    address: str
    verb: str
    key: str
    name: str


class Notice(Event):
    """Something worth a line; ``level`` is info or warning."""

    type = "notice"
    level: str
    message: str


class RunFinished(Event):
    """The command is over."""

    type = "run_finished"
    command: str
    created: int
    updated: int
    deleted: int
    failed: int
    elapsed_s: float
