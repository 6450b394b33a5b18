"""SIGKILL to the whole process group at random moments, real helm and all; the next run goes on by itself.

``--rounds N`` says how many, `up` and `down` by turns, ``--seed`` what the moments are drawn with. Of five rounds four
die in a given part of the run, at a random moment of it; the fifth anywhere in the length of an undisturbed one.
"""

from __future__ import annotations

import random
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.interrupting import DOWN, UP, all_gone, begins, counted, killed_at
from tests.sandbox.workspace import Workspace

#: a part of `up` and of `down`: what begins it, and about how many seconds it lasts in this sandbox
PARTS = {
    "state write": ("ec2.vpc/main", "ec2.subnet", 0.1),
    "control plane": ("eks.cluster/main", "eks.cluster/main", 3.0),
    "Redis wait": ("elasticache.replication_group", "elasticache.replication_group", 3.0),
    "helm run": ("helm.release/livekit", "helm.release/livekit", 0.6),
}
#: long enough for a busy machine, short enough to wait for its end in each round
LEASE = {"state": {"lease_seconds": 30}}
_MARK = "NO_PROXY"  # of all that a run hands on, helm gets this too


@pytest.fixture(scope="module")
def unhurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """AWS takes its time there, divided by 100."""
    made = Workspace(tmp_path_factory.mktemp("unhurried"), 100.0)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def undisturbed(unhurried: Workspace) -> tuple[dict[str, int], float, float]:
    """What an undisturbed `up` makes, and how many seconds it and `down` take."""
    unhurried.sandbox  # noqa: B018  starts it
    unhurried.edit("dev", **LEASE)
    began = time.monotonic()
    unhurried.run(*UP)
    up, everything = time.monotonic() - began, counted(unhurried)
    began = time.monotonic()
    unhurried.run(*DOWN)
    return everything, up, time.monotonic() - began


def _killed_after(here: Workspace, command: tuple[str, ...], seconds: float) -> None:
    mark = uuid.uuid4().hex
    process = here.start(*command, **{_MARK: mark})
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        here.kill(process)
    else:
        process.communicate()
    all_gone(mark)


@pytest.mark.slow
def test_killed_at_any_moment(
    unhurried: Workspace,
    undisturbed: tuple[dict[str, int], float, float],
    turn: int,
    seed: int,
    record_property: Callable[[str, Any], None],
) -> None:
    here, (everything, *lengths) = unhurried, undisturbed
    here.reset()
    here.edit("dev", **LEASE)
    before, down = here.inventory(), turn % 2
    command, chosen = (UP, DOWN)[down], random.Random(f"{seed}/{turn}")
    if down:
        here.run(*UP)
    part = [*PARTS, "anywhere"][turn // 2 % 5]
    moment = chosen.uniform(0.0, PARTS[part][2] if part in PARTS else lengths[down])
    print(f"seed {seed}, round {turn}: {command[0]} killed in {part}, after {moment:.2f} s")
    if part in PARTS:
        killed_at(here, command, begins(PARTS[part][:2][down]), moment)
    else:
        _killed_after(here, command, moment)
    here.run(*command)
    now = here.inventory()
    left = sum(len(ids - before.get(what, set())) for what, ids in now.items()) if down else 0
    many = 0 if down else sum(max(0, count - everything.get(what, 0)) for what, count in counted(here).items())
    passed = now == before if down else counted(here) == everything
    record_property("kill", [f"SIGKILL at a random moment: {command[0]}", 1, 1, int(passed), left, many])
    assert passed, (now, before if down else everything)
    if down:
        return
    here.run("plan", "--env", "dev", "--sandbox", "--detailed-exitcode")
