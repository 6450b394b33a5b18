"""Describes why a resource did not become ready: AWS's words, the likely cause, and the remedy."""

from __future__ import annotations

from dataclasses import dataclass

from livekit_deploy.engine.resource import Live, Resource
from livekit_deploy.engine.run import Run
from livekit_deploy.errors import DeployError, Failed, TimedOut
from livekit_deploy.state.document import Phase, Record

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
        likely, found = self._diagnosis(live)
        return Failed(
            f"{self.item.address} could not be brought up: {detail}",
            address=self.item.address,
            verb=self.verb,
            code=live.code,
            likely=likely,
            hint=live.remedy or found or remedy or _AGAIN,
        )

    def timed_out(self, live: Live | None, seconds: float) -> TimedOut:
        """It was not ready within so many seconds."""
        why = (live.warning or live.detail or live.status.value) if live else "AWS does not show it"
        likely, found = self._diagnosis(live)
        return TimedOut(
            f"{self.item.address} was not ready within {seconds / 60:.0f} minutes: {why}",
            address=self.item.address,
            verb=self.verb,
            code=live.code if live else "",
            likely=likely,
            hint=(live.remedy if live else "") or found or "run the same command again: it continues to wait",
        )

    def _diagnosis(self, live: Live | None) -> tuple[str, str]:
        try:
            return self.item.diagnose(self.run.cloud, live)
        except DeployError:  # looking for the cause must not hide the failure
            return "", ""
