"""What all workers of a run share: the cloud, the session, the waits and the listener."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from livekit_deploy.base.timing import counted, spent
from livekit_deploy.engine import inputs
from livekit_deploy.engine.cloud import Cloud
from livekit_deploy.engine.inputs import Ref, Unresolved
from livekit_deploy.engine.resource import Resource
from livekit_deploy.engine.waits import PROPAGATION, Waits
from livekit_deploy.errors import Busy, Denied, ResourceError, Throttled, Unavailable
from livekit_deploy.events import Done, Emit, Progress, Started
from livekit_deploy.state.document import Phase, Record
from livekit_deploy.state.session import Session

T = TypeVar("T")

STEP = 30.0  # seconds in which an accepted change must begin to show
_PLAN_SECONDS = 30.0  # for which a plan bears that something does not answer


@dataclass(frozen=True)
class Run:
    """One run of the engine under one lease."""

    cloud: Cloud
    session: Session
    waits: Waits
    emit: Emit
    #: addresses that do not become ready in this run: they failed, or what they come after did
    blocked: set[str] = field(default_factory=set)

    def lookup(self, ref: Ref[Any]) -> Any:
        """The recorded value of a reference."""
        record = self.session.record(ref.address)
        if record is None or ref.output not in record.outputs:
            raise Unresolved(f"{ref.address}.{ref.output}")
        return inputs.revive(record.outputs[ref.output])

    def is_ready(self, address: str) -> bool:
        """Whether something is recorded as ready."""
        record = self.session.record(address)
        return record is not None and record.phase is Phase.READY

    def intend(self, address: str, record: Record) -> None:
        """Write an intent; when this returns, the call that it announces may be made."""
        with counted("writing"):
            self.session.intend(address, record)

    def confirm(self) -> None:
        """Make sure that the lease is still ours: before a call that is repeated, or that no intent announces."""
        with counted("writing"):
            self.session.confirm()

    def write(self, changes: Mapping[str, Record | None], took: Mapping[str, float] | None = None) -> None:
        """Write record changes, and how long what was ``took``; returns once they are acknowledged."""
        with counted("writing"):
            self.session.write(changes, took)

    def elapsed(self, began: float) -> float:
        """Seconds of the clock since then, as events say them."""
        return round(self.waits.clock.now() - began, 1)

    def started(self, item: Resource, address: str, verb: str) -> None:
        """Tell that work on a resource begins."""
        usual = item.usual_delete if verb == "delete" else item.usual
        self.emit(Started(address=address, verb=verb, stage=item.stage, usual_s=usual))

    def progress(self, item: Resource, address: str, verb: str, detail: str, began: float) -> None:
        """Tell on what it waits."""
        usual, elapsed = item.usual_delete if verb == "delete" else item.usual, self.elapsed(began)
        about = {"address": address, "verb": verb, "stage": item.stage, "detail": detail}
        self.emit(Progress(**about, elapsed_s=elapsed, usual_s=usual))

    def persist(self, item: Resource, call: Callable[[], T]) -> T:
        """A verb whose intent is written, again while it is refused for the moment: then the lease is made sure of."""
        attempts = itertools.count()

        def attempt() -> T:
            if next(attempts):
                self.confirm()
            return call()

        return self.waits.persist(attempt, lambda error: repeats(item, error), timeout=PROPAGATION)

    def patient(self, item: Resource, read: Callable[[], T], end: float, tell: Callable[[str], None]) -> T:
        """``read()``, again and again while what it says passes by itself, until ``end`` of the clock.

        AWS that is busy or out of reach is waited for, although each call was already tried several times. That it is
        not let in passes within `PROPAGATION` seconds, or not at all. ``tell`` is told what is waited for.
        """
        now = self.waits.clock.now
        began = now()

        def tolerable(error: BaseException) -> bool:
            if not (passes(error) or not_yet_propagated(item, error)):
                return False
            if isinstance(error, Denied) and now() - began > PROPAGATION:
                return False
            tell(str(error))
            return True

        return self.waits.persist(read, tolerable, timeout=max(end - began, 0.0))


def passes(error: BaseException) -> bool:
    """Whether an error passes by itself, whatever was asked: AWS wants a slower pace, or is out of reach."""
    return isinstance(error, Throttled | Unavailable)


def repeats(item: Resource | type[Resource], error: BaseException) -> bool:
    """Whether a verb that was refused so succeeds a moment later: nothing was done."""
    return isinstance(error, Busy) or not_yet_propagated(item, error)


def not_yet_propagated(item: Resource | type[Resource], error: BaseException) -> bool:
    """Whether AWS says that something the verb needs has not propagated to it yet."""
    if not isinstance(error, ResourceError) or error.code not in item.propagation:
        return False
    words = item.propagation[error.code]
    return not words or any(word.lower() in error.message.lower() for word in words)


def planned_read(waits: Waits, item: Resource | type[Resource], read: Callable[[], T]) -> T:
    """``read()`` for a plan: what passes by itself is borne for a moment; who is not let in is told so at once."""
    return waits.persist(
        read,
        lambda error: passes(error) or (not_yet_propagated(item, error) and not isinstance(error, Denied)),
        timeout=_PLAN_SECONDS,
    )


def ask_again(waits: Waits, look: Callable[[], T]) -> T:
    """``look()``, again for a moment while AWS does not answer."""
    return waits.persist(look, passes, timeout=_PLAN_SECONDS)


def done(item: Resource, verb: str, id: str, elapsed: float) -> Done:
    """The event that a resource is as desired, or gone, with where its time went."""
    went = spent().in_seconds()
    return Done(address=item.address, verb=verb, stage=item.stage, id=id, elapsed_s=elapsed, **went)
