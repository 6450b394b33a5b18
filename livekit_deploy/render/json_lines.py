"""Renders a run for programs: one event a line on stdout, and nothing else."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from livekit_deploy.base.clock import Clock
from livekit_deploy.engine.plan import Plan
from livekit_deploy.events import Event
from livekit_deploy.operations.report import Report
from livekit_deploy.render.format_version import line
from livekit_deploy.render.listener import Listener


class JsonLines(Listener):
    """Writes each event as it comes."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began = clock, clock.now()
        self._writing = threading.Lock()

    def __call__(self, event: Event) -> None:
        self._write(event.plain())

    def planned(self, plan: Plan) -> None:
        """What is about to be done, each address with its action, and what it costs."""
        cost = asdict(plan.cost) if plan.cost else None
        changes = [{"address": one.address, "action": one.action.value, "stage": one.stage} for one in plan.changes]
        self._write({"type": "plan", "serial": plan.serial, "changes": changes, "cost": cost})

    def finished(self, report: Report) -> None:
        """What was done, where it answers, and what is left."""
        self._write(
            {
                "type": "result",
                "command": report.command,
                "elapsed_s": report.seconds,
                "created": report.created,
                "updated": report.updated,
                "deleted": report.deleted,
                "stays": [asdict(one) for one in report.stays],
                "unfinished": report.in_progress,
                "warnings": [
                    {"address": address, "warning": said, "remedy": remedy}
                    for address, (said, remedy) in report.warnings.items()
                ],
                "leftovers": [asdict(one) for one in report.leftovers],
                "vanishing": [{"what": what, "when": when} for what, when in report.vanishing],
                "unseen": [{"what": what, "why": why} for what, why in report.unseen.items()],
                "outputs": report.outputs,
                "chain": [{"address": one.address, **one.spent.in_seconds()} for one in report.chain],
            }
        )

    def _write(self, values: Mapping[str, Any]) -> None:
        whole = {"address": "", "elapsed_s": round(self._clock.now() - self._began, 1), **values}
        with self._writing:
            sys.stdout.write(line(whole))
            sys.stdout.flush()
