"""Waits for runtime dependencies: what must be ready before a resource can become ready itself."""

from __future__ import annotations

from collections.abc import Callable

from livekit_deploy.base.timing import counted, follow
from livekit_deploy.engine.resource import Resource
from livekit_deploy.engine.run import Run
from livekit_deploy.engine.waits import FIRST
from livekit_deploy.errors import Failed


def wait_for_runtime_dependencies(run: Run, item: Resource, verb: str, tell: Callable[[str], None]) -> None:
    """Wait for what outlives it: without that it does not become ready, as no pod does before there are nodes."""
    ground = [other for other in item.runtime_depends_on if not run.is_ready(other.address)]
    end, told = run.waits.clock.now() + sum(other.timeout for other in ground), ""
    with counted("queued"):
        while ground and run.waits.clock.now() < end:
            if lost := [other.address for other in ground if other.address in run.blocked]:
                raise Failed(
                    f"{item.address} is waiting for {lost[0]}, which failed",
                    address=item.address,
                    verb=verb,
                    hint=f"correct what failed in {lost[0]}, and run the same command again",
                )
            waited = ground[-1].address
            if waited != told:
                tell(f"waiting for {waited}")
            told = waited
            run.waits.pause(FIRST)
            ground = [other for other in ground if not run.is_ready(other.address)]
    if told and not ground:
        follow(told)
