"""The steps of ``up``: those that only look are commands of their own, the others are stages that are applied alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livekit_deploy.engine.stages import STAGES
from livekit_deploy.errors import UsageError

if TYPE_CHECKING:
    from livekit_deploy.cli.options import Options


STEPS = ("prerequisites", "plan", *STAGES, "verify", "all")


def looking(step: str) -> Callable[[Options], int] | None:
    """What a step does that changes nothing; None for one that is applied."""
    from livekit_deploy.cli.prerequisites import prerequisites_step
    from livekit_deploy.cli.run import plan_all
    from livekit_deploy.cli.verify import verify_step

    return {"prerequisites": prerequisites_step, "plan": plan_all, "verify": verify_step}.get(step)


def stage_of(step: str, targets: tuple[str, ...]) -> str:
    """The stage that a step applies, "" for all of them."""
    stage = step if step in STAGES else ""
    if stage and targets:
        raise UsageError("--step and --target say two things", hint="leave one of them out")
    return stage
