"""``make bench``: each budget of speed against what was measured here, as a table in Markdown."""

from __future__ import annotations

import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.clients import Clients
from livekit_deploy.clock import Clock
from livekit_deploy.stack import stack
from tests.bench.chain import HELM, down_chain, up_chain
from tests.sandbox.workspace import REGION, ROOT, Workspace

LATENCY = 0.03  # seconds that a call to AWS takes from an office
SPEED = 4.0
RUNS = 7


@dataclass(frozen=True)
class Row:
    """One budget: what was measured, how far it may go, and the command that was measured."""

    what: str
    measured: str
    budget: str
    met: bool
    command: str

    def __str__(self) -> str:
        return (
            f"| {self.what} | {self.measured} | {self.budget} | {'yes' if self.met else '**no**'} | `{self.command}` |"
        )


def start() -> Iterator[Row]:
    for option in ("--help", "--version"):
        took = [_timed(option) for _ in range(RUNS + 1)][1:]
        seconds = statistics.median(took)
        yield Row("start", f"{seconds:.3f} s", "0.15 s", seconds < 0.15, f"livekit-deploy {option}")


def _timed(option: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "livekit_deploy", option], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def scale() -> Iterator[Row]:
    count = 5000
    said = subprocess.run(
        [sys.executable, "-m", "tests.bench.scale", str(count)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    up, puts, plan, peak = (float(one) for one in said)
    command = f"python -m tests.bench.scale {count}"
    yield Row(f"first up of {count} resources", f"{up:.1f} s", "30 s", up < 30, command)
    per_write = 3 * count / puts
    yield Row("record changes in one write of the state", f"{per_write:.0f}", "more than 1", per_write > 1, command)
    yield Row(f"plan of {count} without change", f"{plan:.2f} s", "1 s", plan < 1, command)
    yield Row("its memory", f"{peak:.0f} MB", "300 MB", peak < 300, command)


def plans(here: Workspace) -> Iterator[Row]:
    """A plan without change, each call as slow as from an office; then one call at a time, and without batches."""
    here.run("up", "--env", "uat", "--sandbox", "--yes")
    calls, seconds = _plan(here, parallelism=10)
    command = "plan --env uat, 30 ms a call"
    yield Row("calls of a plan without change", f"{calls}", "55", calls <= 55, command)
    yield Row("its time", f"{seconds:.2f} s", "1 s", seconds < 1, command)
    _, serial = _plan(here, parallelism=1)
    ratio = f"{serial / seconds:.1f} times as long"
    yield Row("the same one call at a time", ratio, "", True, f"{command} --parallelism 1")


def _plan(here: Workspace, parallelism: int) -> tuple[int, float]:
    charts = {
        "load_balancer_controller.repo": here.sandbox.charts_url,
        "load_balancer_controller.digest": here.sandbox.charts_digest,
    }
    env = load_environment(here.folder / "manifests/environments/uat.yaml", overrides=charts, environ={})

    def wait(**_: Any) -> None:
        time.sleep(LATENCY)

    def slowed(client: Any) -> None:
        client.meta.events.register("before-send.*.*", wait)

    clients = Clients(
        REGION,
        endpoint_url=here.sandbox.endpoint_url,
        access_key=here.sandbox.access_key,
        secret_key=here.sandbox.secret_key,
        instrument=slowed,
    )
    with Deployer(
        env, clients=clients, clock=Clock(here.sandbox.clock_speed), reach=here.reach, parallelism=parallelism
    ) as made:
        made.plan()  # makes the clients
        plan = made.plan()
    assert not plan.changes
    return plan.calls, plan.seconds


def instant(here: Workspace) -> Iterator[Row]:
    here.reset()
    began = time.perf_counter()
    here.run("up", "--env", "dev", "--sandbox", "--yes")
    seconds = time.perf_counter() - began
    yield Row("up when AWS takes no time", f"{seconds:.1f} s", "15 s", seconds < 15, "up --env dev --sandbox --yes")


def chains(here: Workspace) -> Iterator[Row]:
    """An up and a down with AWS's own waits, against the longest chain of those waits."""
    env = load_environment(here.folder / "manifests/environments/uat.yaml", environ={})
    seconds, took = _run(here, "up")
    chain, path = up_chain(stack(env), took)
    yield _chain("up", seconds, chain, path, 1.03)
    records = here.document("uat")["records"]
    seconds, took = _run(here, "down")
    chain, path = down_chain(records, took)
    yield _chain("down", seconds, chain, path, 1.05)


def _run(here: Workspace, command: str) -> tuple[float, dict[str, float]]:
    """Seconds of AWS's time of the run, and those of each of helm's releases."""
    lines = here.end(here.start(command, "--env", "uat", "--sandbox", "--yes", "--json"), seconds=1200).lines()
    took = {line["address"]: line["elapsed_s"] - line["queued_s"] for line in lines if line["type"] == "done"}
    finished = next(line for line in lines if line["type"] == "run_finished")
    return finished["elapsed_s"], {address: s for address, s in took.items() if address.startswith(HELM)}


def _chain(command: str, seconds: float, chain: float, path: list[str], budget: float) -> Row:
    sys.stderr.write(f"{command}: {' → '.join(path)}\n")
    ratio = seconds / chain
    measured = f"{ratio:.3f} ({seconds:.0f} s of {chain:.0f} s)"
    return Row(
        f"{command} to its longest chain",
        measured,
        f"{budget}",
        ratio <= budget,
        f"{command} --env uat, speed {SPEED:g}",
    )


def main() -> None:
    """Print the table; exit 1 where a budget is not met."""
    moment = datetime.now(UTC).strftime("%Y-%m-%d")
    sys.stdout.write(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {moment}\n\n")
    sys.stdout.write("| what | measured | budget | met | command |\n|---|---|---|---|---|\n")
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        quick, slow = Workspace(Path(folder) / "quick", math.inf), Workspace(Path(folder) / "slow", SPEED)
        try:
            for rows in (start(), scale(), plans(quick), instant(quick), chains(slow)):
                for row in rows:
                    missed += not row.met
                    sys.stdout.write(f"{row}\n")
                    sys.stdout.flush()
        finally:
            quick.stop()
            slow.stop()
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
