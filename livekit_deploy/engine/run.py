"""What every application and removal of a resource shares: the cloud, the session, the waits and the listener."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from livekit_deploy.engine import inputs
from livekit_deploy.engine.inputs import Ref, Unresolved
from livekit_deploy.engine.resource import Resource
from livekit_deploy.engine.waits import Waits
from livekit_deploy.errors import ResourceError
from livekit_deploy.events import Emit
from livekit_deploy.state.session import Session

STEP = 30.0  # seconds in which an accepted change must begin to show
_KEPT = 5  # durations remembered of each kind and verb


@dataclass(frozen=True)
class Run:
    """One run of the engine under one lease."""

    cloud: Any
    session: Session
    waits: Waits
    emit: Emit

    def lookup(self, ref: Ref[Any]) -> Any:
        """The recorded value of a reference."""
        record = self.session.record(ref.address)
        if record is None or ref.output not in record.outputs:
            raise Unresolved(f"{ref.address}.{ref.output}")
        return inputs.revive(record.outputs[ref.output])


def spreads(item: Resource, error: BaseException) -> bool:
    """Whether AWS says that something the verb needs has not spread to it yet."""
    if not isinstance(error, ResourceError) or error.code not in item.propagation:
        return False
    words = item.propagation[error.code]
    return not words or any(word.lower() in error.message.lower() for word in words)


def took(session: Session, key: str, elapsed: float) -> dict[str, tuple[float, ...]]:
    """The duration to remember, after the last few of its kind."""
    before: Sequence[float] = session.state.durations.get(key, ())
    return {key: (*before[1 - _KEPT :], elapsed)}
