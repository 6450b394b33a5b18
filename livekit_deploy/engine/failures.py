"""Describes why a resource did not become ready: AWS's words, the likely cause, and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from livekit_deploy.engine.resource import Live, Resource
from livekit_deploy.engine.run import Run
from livekit_deploy.errors import DeployError, Failed, ResourceError, TimedOut
from livekit_deploy.state.document import Phase, Record

E = TypeVar("E", bound=ResourceError)

#: what a person does about what failed after it had run: it may still carry calls, so that nobody deletes it unasked
REMADE_BY_HAND = "find out what still uses it; when nothing does, delete it and run up: it makes another one"
_AGAIN = "run the same command again: it deletes what failed and makes it again"


def has_run(item: Resource, record: Record | None) -> bool:
    """Whether the recorded object may have served: then it is never made again unasked."""
    return not item.fails_unused and record is not None and record.phase in (Phase.READY, Phase.UPDATING)


@dataclass(frozen=True)
class Failing:
    """The errors of one resource while ``verb`` is carried out."""

    run: Run
    item: Resource
    verb: str

    def failed(self, detail: str, live: Live, *, remedy: str = "") -> Failed:
        """It cannot come up. ``remedy`` is for the case that neither AWS's state nor its code tells one."""
        return self._error(Failed, f"could not be brought up: {detail}", live, remedy or _AGAIN)

    def timed_out(self, live: Live | None, seconds: float) -> TimedOut:
        """It was not ready within so many seconds."""
        why = (live.warning or live.detail or live.status.value) if live else "AWS does not show it"
        said = f"was not ready within {seconds / 60:.0f} minutes: {why}"
        return self._error(TimedOut, said, live, "run the same command again: it continues to wait")

    def _error(self, kind: type[E], said: str, live: Live | None, remedy: str) -> E:
        likely, found = self._diagnosis(live)
        code, known = (live.code, live.remedy) if live else ("", "")
        address, hint = self.item.address, known or found or remedy
        return kind(f"{address} {said}", address=address, verb=self.verb, code=code, likely=likely, hint=hint)

    def _diagnosis(self, live: Live | None) -> tuple[str, str]:
        try:
            return self.item.diagnose(self.run.cloud, live)
        except DeployError:  # looking for the cause must not hide the failure
            return "", ""
