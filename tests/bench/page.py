"""docs/performance.md: what the tables mean, the calls of a plan and why each is made, and what was measured last.

What is measured is written by `python -m tests.bench --write`, the rest by `make schema`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import floor

MACHINE, BUDGETS, CHAINS = "machine", "budgets", "chains"
_MARK = "<!-- {}: python -m tests.bench --write -->"
_FLOOR = "<!-- floor: make schema -->"


@dataclass(frozen=True)
class Row:
    """One budget: what was measured, how far it may go ("" where it is only compared), and the command."""

    what: str
    measured: str
    budget: str
    met: bool
    command: str


def render(tables: Mapping[str, Iterable[str]]) -> str:
    """The page with the lines of each table under its tag."""
    lines: list[str] = []
    for line in PROSE.splitlines():
        lines.append(line)
        for name, table in tables.items():
            if line == _MARK.format(name):
                lines += ["", *table]
        if line == _FLOOR:
            lines += ["", *floor.table()]
    return "\n".join(lines) + "\n"


def measured(text: str) -> dict[str, list[str]]:
    """The tables of an earlier measurement, by name."""
    tables: dict[str, list[str]] = {}
    for name in (MACHINE, BUDGETS, CHAINS):
        after = text.partition(_MARK.format(name))[2]
        tables[name] = re.split(r"\n(?=## |<!-- )", after)[0].strip("\n").splitlines()
    return tables


def budgets(rows: Iterable[Row]) -> Iterator[str]:
    yield "| What | Measured | Budget | Met | Command |"
    yield "|---|---|---|---|---|"
    for row in rows:
        met = "" if not row.budget else "yes" if row.met else "**no**"
        yield f"| {row.what} | {row.measured} | {row.budget} | {met} | `{row.command}` |"


def chain(command: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The longest chain of one run, in AWS's seconds; what took less than two of them is left out."""
    yield f"| `{command}` | Queued | Calling | Waiting | Writing |"
    yield "|---|---|---|---|---|"
    for row in rows:
        cells = [float(row[f"{cause}_s"]) for cause in ("queued", "calling", "waiting", "writing")]
        if sum(cells) >= 2:
            yield f"| {row['address']} | " + " | ".join(f"{seconds:.0f} s" for seconds in cells) + " |"


PROSE = f"""\
# Performance

The control plane of EKS takes two thirds of any deployment. What is left to do is to let everything else hide behind
it, and to make no call that is not needed. This page says how far that goes. What is measured is measured by
`make bench`; `python -m tests.bench --write` writes it here.

## Budgets

AWS is the sandbox's, with the durations that AWS really takes divided by `--speed`; figures of `up` and `down` are in
AWS's seconds. The longest chain counts what AWS takes and helm's own runs, and nothing of ours. On a machine that has
other work to do `up` and `down` come out longer than they are: at speed 4 a second that is lost here counts four
times.

{_MARK.format(MACHINE)}

{_MARK.format(BUDGETS)}

## The floor of calls

A plan asks for each kind once, by tag or by listing it, and pages through the answer. Not all can be had so. EKS and
IAM list names only: each node group, add-on, access entry and role is described by itself, an entry and a role with
what is attached to them, which is one call more. The attributes of a VPC, the versions of a launch template, a key, a
certificate and a policy are told one at a time as well. These calls run in parallel, each at most once in a plan. What
a plan of the uat environment asks when nothing has changed, and why; a test holds the table to the calls that are made:

{_FLOOR}

## Where the time goes

Every `up` and `down` ends with its longest chain, and what each resource on it spent: *queued*, with no worker or call
free or waiting for what it cannot be ready without; *calling* AWS, Kubernetes or helm; *waiting* for AWS to be done;
*writing* the state. `-v` shows the whole chain. The figures are in the events (`done`), in the result's `chain` with
`--json`, in `Report.timings`, and in the record of each resource, so that every copy in the history has them.
`livekit-deploy graph --critical-path --env uat` shows what to expect of the next run: medians of earlier ones where
there are any, else what is usual.

{_MARK.format(CHAINS)}

## What keeps the chain short

- The control plane waits for its role, subnets, key and log group; Redis, NAT and the certificate run beside it. The
  two barriers of the network before it cost no call, but must be on record first: they are what `down` waits for.
- Node groups wait for the network add-ons, without which no node becomes ready, for their role, routes and template.
- The load balancer controller is installed as soon as the API answers. Its pods wait for nodes; its webhook lets
  Services pass until it runs, so that CoreDNS and metrics-server are not refused meanwhile. LiveKit waits for it, since
  an Ingress is refused until the webhook answers.
- A poll comes every twenty seconds in the first half of the time that a kind usually takes; then what ends is seen
  within two percent of its duration or two seconds. No two polls wait for the same time.
- What is written while a write is on its way goes out together with the next one.
- A service that asks to slow down is called at half the pace, which then grows slowly. Before that nothing waits.
"""
