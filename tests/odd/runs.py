"""Runs that change something, in copies of the world: one answer is odd, and what follows must end as it would have."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from livekit_deploy.aws.access.cloud import mutates
from livekit_deploy.config import Environment
from livekit_deploy.engine import walk
from livekit_deploy.errors import DeployError, Incomplete, OddAnswer, WrongAccount
from livekit_deploy.operations.report import Report
from tests.kill.copies import Copies, in_child
from tests.kill.recording import LATER, Set, go_on, how_many
from tests.kill.world import KillAccount
from tests.odd.spoiling import FOREIGN, MISSING, OTHER_TYPE, Field, spoilt, watched

_THREADS = 4
_WAYS = {MISSING, OTHER_TYPE, FOREIGN}
_TAKES_AWAY = re.compile(r"before (\w+\.(Delete|Terminate|Remove|Detach|Disassociate|Revoke|Release|Schedule)|DELETE )")
Case = tuple[Field, str]


@dataclass
class Life:
    """``verb`` run on a world in which what there was ``before`` it is known."""

    here: KillAccount
    env: Environment
    before: dict[str, set[str]]
    verb: str
    #: what there is after an undisturbed run
    everything: Set = field(default_factory=dict)

    def cases(self, wanted: Callable[[str], bool]) -> list[Case]:
        """What an undisturbed run reads of the answers to the calls that are wanted, and how that can be odd."""

        def seen() -> Any:
            with watched() as fields:
                self._run()
            read = [[one.call, one.path, way] for one in sorted(fields) for way in sorted(fields[one] & _WAYS)]
            return read, how_many()

        read, self.everything = in_child(seen)
        return [(Field(call, path), way) for call, path, way in read if wanted(call)]

    def wrong(self, cases: list[Case]) -> list[str]:
        """What is wrong with how each ends, each in a copy of its own."""
        copies, started = Copies(), []
        for case in cases:
            started.append(copies.start(partial(self._tried, *case)))
        copies.hear_all()
        told = [(case, copy.result()) for case, copy in zip(cases, started, strict=True)]
        return [f"{one.call} {one.path} {way}: {text}" for (one, way), text in told if text]

    def _tried(self, spoiled: Field, way: str) -> str:
        """In a copy: the run with the odd field, then one without; "" where all is well."""
        walk.MOST_THREADS = _THREADS
        changed: list[str] = []
        self.here.passing = lambda what, changes: changed.append(what) if changes else None
        try:
            with spoilt(spoiled, way):
                self._run()
        except DeployError as error:
            if text := _unclear(error, spoiled):
                return text
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            return f"a mistake of the program: {type(error).__name__}: {error}"
        finally:
            self.here.passing = None
        if self.verb == "up" and (gone := [what for what in changed if _TAKES_AWAY.match(what)]):
            return f"it takes away {gone}"
        end = go_on(self.here, self.env, self.verb, self.before, later=LATER)
        if end["left"] or (self.verb == "up" and end["everything"] != self.everything):
            differ = {k: (n, end["everything"].get(k)) for k, n in self.everything.items() if self.verb == "up"}
            return f"the next run leaves {end['left']}, { ({k: v for k, v in differ.items() if v[0] != v[1]}) }"
        return ""

    def _run(self) -> Report:
        made = self.here.deployer(self.env, self.here.watched())
        return made.up() if self.verb == "up" else made.down()


def _unclear(error: DeployError, spoiled: Field) -> str:
    """What an error does not say: where an answer is odd, the call and the field."""
    errors = (
        list(error.report.failed.values())
        if isinstance(error, Incomplete) and hasattr(error.report, "failed")
        else [error]
    )
    odd = [one for one in errors if isinstance(one, OddAnswer | WrongAccount)]
    unnamed = [
        one.message for one in odd if spoiled.call not in one.message or spoiled.name.rstrip("[]") not in one.message
    ]
    return f"it does not say what is odd: {unnamed}" if unnamed else ""


def some(cases: list[Case], count: int, seed: int) -> list[Case]:
    """So many of them, by chance."""
    return random.Random(seed).sample(cases, min(len(cases), count))


def changes(call: str) -> bool:
    """Whether a call changes something."""
    if "/" in call:
        return not call.startswith("GET ")
    return mutates(call.partition(":")[2])
