"""``make acceptance ENV=…``: from nothing to a LiveKit that answers and back, in an account, as its report says.

It makes an environment of its own, like the given one but for its name, domain and state document, and touches no
other. Exit codes: 0 all is well; 1 something is wrong and nothing is left; 3 it was refused; 8 something is left;
130 interrupted and nothing is left.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

from livekit_deploy.errors import DeployError, UsageError
from livekit_deploy.recording.names import KEY
from tests.acceptance.ground import Asked, Ground
from tests.acceptance.report import Report
from tests.acceptance.steps import DOWN, LIFE, Ran, Runner, called

_LEFT = 8


class Acceptance:
    """One environment from its first step to its last."""

    def __init__(self, ground: Ground, asked: Asked, price: str) -> None:
        self._ground, self._rehearsal = ground, asked.sandbox
        # so that the records of all steps have the same placeholders
        os.environ[KEY] = secrets.token_hex(32)
        self._runner = Runner(ground.folder, asked.options(), os.environ)
        self.report = Report(ground.folder / "report.md", f"Acceptance of {ground.name}", price)

    def run(self) -> int:
        """Every step until one is wrong, and `down` whatever happened."""
        with self._runner.signals():
            wrong = self._live()
            left = self._taken_down()
        if left:
            code, verdict = _LEFT, "something is left"
        elif self._runner.interrupted:
            code, verdict = 130, "interrupted; nothing is left"
        else:
            code, verdict = (1, f"{wrong}; nothing is left") if wrong else (0, "all is well; nothing is left")
        self.report.left, self.report.verdict = left, verdict
        if not self._rehearsal:
            self.report.differences = self._compared()
        self.report.write()
        _say(f"{verdict}: run {self._remedy()}" if left else verdict, *left, f"report  {self.report.path}")
        return code

    def _live(self) -> str:
        for step in LIFE:
            if self._runner.interrupted:
                return "interrupted"
            _say(f"— {step.name}")
            ran = self._runner.run(step)
            self.report.add(ran)
            if ran.wrong:
                return f"{step.name}: {ran.wrong}"
        return ""

    def _taken_down(self) -> list[str]:
        """What is left after `down`, which is run again once where it failed."""
        for _ in range(2):
            self._runner.interrupted, before = False, self._runner.interrupted
            _say("— down")
            self.report.add(self._runner.run(DOWN))
            stopped, self._runner.interrupted = self._runner.interrupted, before or self._runner.interrupted
            if not self.report.steps[-1].wrong or stopped:
                break
        return self._proof()

    def _proof(self) -> list[str]:
        """By the state document and by everything that there is in the account, not by what `down` said."""
        record, began = self._runner.record("proof"), time.monotonic()
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            left = self._ground.left(record)
        except DeployError as error:
            left = [f"nobody can tell: {error}"]
        wrong = f"{len(left)} left" if left else ""
        calls = len(called(record))
        self.report.add(Ran("proof", moment, time.monotonic() - began, 0, calls, 0, record, wrong))
        return left

    def _compared(self) -> str:
        records = [str(one.record) for one in self.report.steps if one.record.exists()]
        module = "livekit_deploy.sandbox.compare"
        done = subprocess.run([sys.executable, "-m", module, *records], capture_output=True, text=True, check=False)
        return done.stdout or done.stderr

    def _remedy(self) -> str:
        options = " ".join(self._runner.options)
        return f"livekit-deploy down --config {self._ground.file} {options}".rstrip()


def _say(*lines: str) -> None:
    print("\n".join(lines), file=sys.stderr, flush=True)


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on: nothing was made", hint="YES=1, or --yes")
    return input(f"Type {name} to begin: ").strip() == name


def main() -> int:
    """Ask, run, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance", description=__doc__)
    parser.add_argument("--env", required=True, help="the environment that the new one is to be like")
    parser.add_argument("--name", help="of the new environment, which must not exist; default: one is drawn")
    parser.add_argument("--profile", help="AWS profile")
    parser.add_argument("--role-arn", help="assume this role first")
    parser.add_argument("--sandbox", action="store_true", help="rehearse it")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    given = parser.parse_args()
    asked = Asked(given.profile, given.role_arn, given.sandbox)
    try:
        ground = Ground(Path("manifests/environments") / f"{given.env}.yaml", given.name, asked)
        if taken := ground.taken_by():
            raise UsageError(f"{taken}: it is not touched", hint="leave --name out: a new one is drawn")
        price = ground.price()
        _say(f"a new environment {ground.name} in {ground.env.region}, at {ground.env.livekit.domain}: {price}")
        if not (given.yes or _agreed(ground.name)):
            _say("nothing was made")
            return 1
    except DeployError as error:
        _say(str(error), f"  next    {error.hint}")
        return error.exit_code
    return Acceptance(ground, asked, price).run()


if __name__ == "__main__":
    sys.exit(main())
