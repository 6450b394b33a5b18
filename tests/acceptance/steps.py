"""The steps, each a command of the program in a process of its own with a record, and what must be true of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livekit_deploy.aws.access.cloud import mutates

CHANGE = ("--set", "livekit.settings.room.empty_timeout=427")
Line = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A command that must end with this ``code``; ``wrong`` says what is wrong with what it asked, "" for nothing."""

    name: str
    arguments: tuple[str, ...]
    code: int = 0
    wrong: Callable[[Sequence[Line]], str] = lambda calls: ""


def _changes(calls: Sequence[Line]) -> str:
    """The state document is renewed whatever is done."""
    found = [f"{one['service']}.{one['operation']}" for one in calls if mutates(one["operation"])]
    changed = sorted({one for one in found if not one.startswith("s3.")})
    return f"it changed something: {', '.join(changed)}" if changed else ""


LIFE = (
    Step("prerequisites", ("prerequisites",)),
    Step("up", ("up", "--yes")),
    Step("second up", ("up", "--yes"), wrong=_changes),
    Step("verify", ("verify", "--watch")),
    Step("change planned", ("plan", "--detailed-exitcode", *CHANGE), code=2, wrong=_changes),
    Step("change", ("up", "--yes", *CHANGE)),
    Step("change made", ("plan", "--detailed-exitcode", *CHANGE), wrong=_changes),
)
DOWN = Step("down", ("down", "--yes"))


@dataclass
class Ran:
    """A step that has ended; ``wrong`` is "" when all is well."""

    name: str
    began: str
    seconds: float
    code: int
    calls: int
    changes: int
    record: Path
    wrong: str = ""


class Runner:
    """Runs commands one after the other. Signals end the command, and are kept in mind: nothing new is begun then."""

    def __init__(self, folder: Path, options: Sequence[str], environ: Mapping[str, str]) -> None:
        self._folder, self.options, self._environ = folder, options, environ
        self._number = 0
        self._child: subprocess.Popen[bytes] | None = None
        self.interrupted = False

    def record(self, name: str) -> Path:
        """Where the next step is recorded."""
        self._number += 1
        return self._folder / f"{self._number:02}-{name.replace(' ', '-')}.jsonl"

    def run(self, step: Step) -> Ran:
        """Run it to its end; its stdout goes to a file, its stderr to where ours does."""
        record = self.record(step.name)
        words = [step.arguments[0], "--config", str(self._folder / f"{self._folder.name}.yaml"), *self.options]
        command = [*words, *step.arguments[1:], "--record", str(record)]
        began, moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.monotonic()
        with record.with_suffix(".txt").open("wb") as said:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "livekit_deploy", *command],
                stdin=subprocess.DEVNULL,
                stdout=said,
                env=dict(self._environ),
                start_new_session=True,
            )
            code = self._child.wait()
            self._child = None
        calls = called(record)
        made = sum(mutates(one["operation"]) and one["service"] != "s3" for one in calls)
        ran = Ran(step.name, began, time.monotonic() - moment, code, len(calls), made, record)
        ran.wrong = f"it ended with {code}, not with {step.code}" if code != step.code else step.wrong(calls)
        return ran

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Hand SIGINT and SIGTERM to the command that runs."""

        def handle(number: int, frame: Any) -> None:
            self.interrupted = True
            if self._child is not None:
                self._child.send_signal(number)

        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, old)


def called(record: Path) -> list[Line]:
    """The calls of a record, none where there is no file: the command asked nothing."""
    if not record.exists():
        return []
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["type"] == "call"]
