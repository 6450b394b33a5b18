"""``make bench``: each budget of speed against what was measured; with ``--write`` into docs/performance.md as well."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.base.clock import Clock
from livekit_deploy.cli.rehearsal import stand_ins
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.engine.plan import Plan
from livekit_deploy.engine.snapshot import Snapshot
from livekit_deploy.stack import stack
from tests.bench import page
from tests.bench.chain import HELM, down_chain, up_chain
from tests.bench.page import Row
from tests.places import ROOT
from tests.sandbox.workspace import REGION, Workspace

LATENCY = 0.03  # seconds that a call to AWS takes from an office
SPEED = 4.0
RUNS = 7
PAGE = ROOT / "docs" / "performance.md"

#: what the page shows beside the budgets
Tables = dict[str, list[str]]


def start() -> Iterator[Row]:
    for option in ("--help", "--version"):
        took = [_timed(option) for _ in range(RUNS + 1)][1:]
        seconds = statistics.median(took)
        yield Row("start", f"{seconds:.3f} s", "0.15 s", seconds < 0.15, f"livekit-deploy {option}")


def _timed(option: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "livekit_deploy", option], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _said(module: str, count: int) -> list[float]:
    """The numbers that a part of the bench prints, which runs in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, str(count)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return [float(one) for one in done.stdout.split()]


def scale() -> Iterator[Row]:
    count = 5000
    up, puts, plan, peak = _said("tests.bench.scale", count)
    command = f"python -m tests.bench.scale {count}"
    yield Row(f"first up of {count} resources", f"{up:.1f} s", "30 s", up < 30, command)
    per_write = 3 * count / puts
    yield Row("record changes in one write of the state", f"{per_write:.0f}", "more than 1", per_write > 1, command)
    yield Row(f"plan of {count} without change", f"{plan:.2f} s", "1 s", plan < 1, command)
    yield Row("its memory", f"{peak:.0f} MB", "300 MB", peak < 300, command)


def many() -> Iterator[Row]:
    count = 200
    seconds, before, first, second = _said("tests.bench.many", count)
    command = f"python -m tests.bench.many {count}"
    yield Row(f"up and plan of {count} environments at a time", f"{seconds:.1f} s", "", True, command)
    each = (first - before) / count
    yield Row("memory of each", f"{each:.2f} MB", "1 MB", each < 1, command)
    grown = second / first
    yield Row("the most memory of a second round to that of the first", f"{grown:.2f}", "1.05", grown < 1.05, command)


def plans(here: Workspace) -> Iterator[Row]:
    """A plan without change, each call as slow as from an office; then one call at a time, and without batches."""
    assert math.isinf(here.sandbox.speed)  # it is started here: a command would start one at its own speed
    here.run("up", "--env", "uat", "--sandbox", "--yes")
    command = "plan --env uat, 30 ms a call"
    plan = _plan(here, parallelism=10)
    yield Row("plan without change", f"{plan.seconds:.2f} s", "1 s", plan.seconds < 1, command)
    for parallelism, batched in ((1, True), (10, False), (1, False)):
        other = _plan(here, parallelism=parallelism, batched=batched)
        ways = ["one call at a time"] * (parallelism == 1) + ["batched reads off"] * (not batched)
        more = f"{other.calls - plan.calls} calls more, " if other.calls != plan.calls else ""
        measured = f"{more}{other.seconds / plan.seconds:.1f} times as long"
        yield Row(f"the same, {' and '.join(ways)}", measured, "", True, f"{command} --parallelism {parallelism}")


def _plan(here: Workspace, parallelism: int, *, batched: bool = True) -> Plan:
    charts = {
        **stand_ins(here.sandbox, [CONTROLLER]),
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
    clock = Clock(here.sandbox.clock_speed)
    with (
        contextlib.nullcontext() if batched else _one_by_one(),
        Deployer(env, clients=clients, clock=clock, reach=here.reach, parallelism=parallelism) as made,
    ):
        made.plan()  # makes the clients
        plan = made.plan()
    assert not plan.changes
    return plan


@contextlib.contextmanager
def _one_by_one() -> Iterator[None]:
    """No kind is scanned and no answer is kept: each resource asks for what it needs itself."""
    with (
        mock.patch.object(Snapshot, "scan", return_value=None),
        mock.patch.object(Cloud, "remembering", lambda self: self),
    ):
        yield


def instant(here: Workspace) -> Iterator[Row]:
    here.reset()
    began = time.perf_counter()
    here.run("up", "--env", "dev", "--sandbox", "--yes")
    seconds = time.perf_counter() - began
    yield Row("up when AWS takes no time", f"{seconds:.1f} s", "15 s", seconds < 15, "up --env dev --sandbox --yes")


def chains(here: Workspace, tables: Tables) -> Iterator[Row]:
    """An up and a down with AWS's own waits, against the longest chain of those waits."""
    env = load_environment(here.folder / "manifests/environments/uat.yaml", environ={})
    tables[page.CHAINS] = []
    assert here.sandbox.clock_speed == SPEED  # here too
    for command, budget in (("up", 1.03), ("down", 1.05)):
        records = here.document("uat")["records"] if command == "down" else {}
        result, took = _run(here, command)
        between = [""] if tables[page.CHAINS] else []
        tables[page.CHAINS] += [*between, *page.chain(command, result["chain"])]
        seconds, path = up_chain(stack(env), took) if command == "up" else down_chain(records, took)
        sys.stderr.write(f"{command}: {' → '.join(path)}\n")
        ratio = result["elapsed_s"] / seconds
        measured = f"{ratio:.3f} ({result['elapsed_s']:.0f} s of {seconds:.0f} s)"
        said = f"{command} --env uat, speed {SPEED:g}"
        yield Row(f"{command} to its longest chain", measured, f"{budget}", ratio <= budget, said)


def _run(here: Workspace, command: str) -> tuple[dict[str, Any], dict[str, float]]:
    """The result, in seconds of AWS's time, and the time that each of helm's releases took."""
    lines = here.end(here.start(command, "--env", "uat", "--sandbox", "--yes", "--json"), seconds=1200).lines()
    took = {line["address"]: line["elapsed_s"] - line["queued_s"] for line in lines if line["type"] == "done"}
    return lines[-1], {address: s for address, s in took.items() if address.startswith(HELM)}


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    moment = datetime.now(UTC).strftime("%Y-%m-%d")
    version = platform.python_version()
    return f"Measured {moment}: {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB, Python {version}."


def main(write: bool) -> None:
    """Print the table, and write the page if that is wanted; exit 1 where a budget is not met."""
    tables: Tables = {page.MACHINE: [machine()]}
    sys.stdout.write(f"{machine()}\n\n")
    rows: list[Row] = []
    shown = len(list(page.budgets([])))
    sys.stdout.writelines(f"{line}\n" for line in page.budgets([]))
    with tempfile.TemporaryDirectory() as folder:
        quick, slow = Workspace(Path(folder) / "quick", math.inf), Workspace(Path(folder) / "slow", SPEED)
        try:
            for part in (start(), scale(), many(), plans(quick), instant(quick), chains(slow, tables)):
                for row in part:
                    rows.append(row)
                    sys.stdout.writelines(f"{line}\n" for line in list(page.budgets([row]))[shown:])
                    sys.stdout.flush()
        finally:
            quick.stop()
            slow.stop()
    if write:
        tables[page.BUDGETS] = list(page.budgets(rows))
        PAGE.write_text(page.render(tables), encoding="utf-8")
    sys.exit(0 if all(row.met for row in rows) else 1)


if __name__ == "__main__":
    main("--write" in sys.argv[1:])
