"""Sends the events of a run to the log and the screen, and turns signals into an orderly end."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from livekit_deploy.cli.open_deployer import deployer
from livekit_deploy.cli.options import Options
from livekit_deploy.cli.signals import INTERRUPTED, handled

if TYPE_CHECKING:
    from livekit_deploy.config import Environment
    from livekit_deploy.deployer import Deployer
    from livekit_deploy.render.listener import Listener
    from livekit_deploy.render.screen import Screen


@contextmanager
def listening(options: Options, where: Screen, command: str, env: Environment) -> Iterator[tuple[Listener, Deployer]]:
    """A Deployer whose events are shown as they come, and that signals end."""
    from livekit_deploy.render.progress import listener

    heard: list[Listener] = []

    def hear(event: Any) -> None:
        for sink in heard:
            sink(event)

    with deployer(options, env, command, hear) as made, _signals(made, where):
        listens = listener(where, json=options.json, clock=made.clock)
        heard.append(listens)
        if options.sandbox and not options.json:
            _say_rehearsal(options, where, made)
        yield listens, made


def _say_rehearsal(options: Options, where: Screen, made: Deployer) -> None:
    charts = [one.spec.title for one in made.env.charts if one.repo.startswith("http://127.0.0.1")]
    said = "".join(f", stand-in {title} chart" for title in charts)
    where.say(f"rehearsal in the sandbox: no AWS account is touched{said}")


@contextmanager
def _signals(made: Deployer, where: Screen) -> Iterator[None]:
    """The first signal ends the run in order, the second at once."""
    seen = False

    def handle(number: int, frame: Any) -> None:
        nonlocal seen
        if seen:
            from livekit_deploy.k8s.helm.process import end_all

            end_all()
            os._exit(INTERRUPTED)
        seen = True
        made.cancel()
        # by a thread: what was interrupted may be in the middle of saying something itself
        said = "stopping safely: what is in progress is recorded (press Ctrl-C again to stop at once)"
        threading.Thread(target=where.say, args=(said,), daemon=True).start()

    with handled(handle):
        yield
