"""Commands that change nothing, and what is wrong with how one of them takes an answer with an odd field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.checks.finding import Finding
from livekit_deploy.config import Environment
from livekit_deploy.deployer import Deployer
from livekit_deploy.engine.plan import GONE, Action, Plan
from livekit_deploy.errors import DeployError, OddAnswer, WrongAccount
from tests.kill.world import KillAccount
from tests.odd.spoiling import EMPTY, Field, spoilt, unusable, watched

LOOKS: dict[str, Callable[[Deployer], Any]] = {
    "plan": lambda made: made.plan(),
    "verify": lambda made: made.verify(),
    "prerequisites": lambda made: made.prerequisites(),
    "keys list": lambda made: made.keys.present(),
    "state rebuild": lambda made: made.upkeep.rebuild(made.declared),
    "state history": lambda made: made.upkeep.history(),
    "status": lambda made: made.status(),
    "events": lambda made: made.cluster.events(),
}


@dataclass
class Looking:
    """One command on an environment that is up; ``clients`` are watched by the world."""

    here: KillAccount
    env: Environment
    clients: Clients
    command: str

    def fields(self) -> dict[Field, set[str]]:
        """What it reads, and in which ways each can be odd."""
        with watched() as seen:
            self._run()
        return dict(seen)

    def wrong(self, field: Field, way: str) -> str:
        """What is wrong with how it takes the field so, "" for nothing."""
        changed: list[str] = []
        self.here.passing = lambda what, changes: changed.append(what) if changes else None
        try:
            with spoilt(field, way) as times:
                said, found = self._said()
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            return f"a mistake of the program: {type(error).__name__}: {error}"
        finally:
            self.here.passing = None
        if self.command != "prerequisites" and changed:  # which tries whether the bucket can be written to
            return f"it changes something: {changed}"
        if not times[0]:
            return ""
        named = field.call in said and field.name.rstrip("[]") in said
        if unusable(field, way) and not named:
            return f"it does not say what is odd: {said!r}"
        return "; ".join(_deletes(found, field, way)) if isinstance(found, Plan) else ""

    def _run(self) -> Any:
        return LOOKS[self.command](self.here.deployer(self.env, self.clients))

    def _said(self) -> tuple[str, Any]:
        try:
            found = self._run()
        except (OddAnswer, WrongAccount) as error:
            return error.message if error.hint else "", None
        except DeployError as error:
            return error.message, None
        findings = [one for one in found if isinstance(one, Finding)] if isinstance(found, list) else []
        return "\n".join(one.seen for one in findings), found


def _deletes(plan: Plan, field: Field, way: str) -> Iterator[str]:
    """What would be deleted or made anew although nothing says that it is gone."""
    if way == EMPTY and any(change.reason == GONE for change in plan.changes):
        return  # that there is none of them is an answer
    for change in plan.changes:
        if change.action is Action.DELETE or "made again" in change.reason:
            yield f"it would delete {change.address}: {change.reason}"
