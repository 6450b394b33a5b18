"""The kubelet's memory of each container: its current run, its last end, and its restarts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from livekit_deploy.sandbox.cluster.containers.process import Process
from livekit_deploy.sandbox.cluster.containers.programs import Ended, Running
from livekit_deploy.sandbox.cluster.kubelet.probes import Watches
from livekit_deploy.sandbox.cluster.store.store import now
from livekit_deploy.sandbox.cluster.world import Obj

_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 10, 300


@dataclass
class Life:
    """One container of a pod."""

    name: str
    image: str
    state: Obj = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Obj = field(default_factory=dict)
    program: Running | Ended | None = None
    process: Process | None = None
    watches: Watches | None = None
    listening: bool = False
    started: bool = False
    ready: bool = False
    killing: float | None = None
    """The grace in which it is being ended, because a probe failed."""
    never: float | None = None
    """AWS's seconds until its startup probe has failed too often."""
    refusal: str = ""
    """Why its image was not pulled."""
    ends: int = 0
    pulls: int = 0
    given: Process | None = None
    """What it was given when it ended last."""

    @property
    def runs(self) -> bool:
        return "running" in self.state

    @property
    def answers(self) -> Running | None:
        """The program, while it listens."""
        return self.program if self.runs and self.listening and not isinstance(self.program, Ended) else None

    def waits(self, reason: str, message: str = "") -> None:
        """It is not there yet, or not again."""
        self.state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        self.started = self.ready = False

    def begins(self, process: Process, program: Running | Ended, moment: float) -> None:
        """It is started."""
        if "terminated" in self.state:
            self.last = self.state
        self.state = {"running": {"startedAt": now()}}
        self.process, self.program, self.watches = process, program, Watches(moment)
        self.listening = self.started = self.ready = False
        self.killing = self.never = None

    def ended(self, code: int) -> None:
        """It has ended by itself, or because it was told to."""
        began = (self.state.get("running") or {}).get("startedAt") or now()
        reason = "Error" if code else "Completed"
        self.state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": now()}}
        self.started = self.ready = self.listening = False
        self.given, self.program, self.killing = self.process, None, None
        self.ends += 1

    @property
    def back_off(self) -> int:
        """AWS's seconds until it is started again: none after the first end, then twice as many each time."""
        return back_off(self.ends - 1)

    def status(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "ready": self.ready,
            "started": self.started,
            "restartCount": max(0, self.ends - (0 if self.runs else 1)),
            "state": self.state,
            "lastState": self.last,
        }


def back_off(times: int) -> int:
    """Seconds after so many failures in a row (Kubernetes documentation, "Restart policy")."""
    return min(_FIRST_BACK_OFF * 2 ** (times - 1), _LONGEST_BACK_OFF) if times > 0 else 0
