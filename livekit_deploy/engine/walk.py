"""Walks a graph with threads: each node runs as soon as its dependencies are done. Knows nothing of AWS.

A node that fails takes its dependents out of the walk, and they are not errors; what does not depend on it continues.
Threads are daemons: when the run is cancelled and a node does not return within the grace, the walk leaves it behind
(the caller then knows from `Outcome.unfinished` that a call may still be in flight).
"""

from __future__ import annotations

import contextvars
import graphlib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from livekit_deploy.errors import DeployError, Interrupted, LostLease

MOST_THREADS = 64
_TICK = 0.2  # seconds between looks at the cancel event while nothing finishes


@dataclass
class Outcome:
    """How a walk ended: ``skipped`` maps a node to the failed node it waited for."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, DeployError] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)

    @property
    def clean(self) -> bool:
        return not (self.failed or self.skipped or self.unfinished)


def walk(
    edges: Mapping[str, Set[str]],
    visit: Callable[[str], None],
    *,
    cancel: threading.Event,
    fail_fast: bool = False,
    grace: float = 2.0,
) -> Outcome:
    """Visit every node after the nodes it waits for; ``grace`` is in real seconds.

    What is not ours ends it as a cancelled one ends: nothing begins any more, and what is in progress has the grace.
    """
    outcome = Outcome()
    sorter = graphlib.TopologicalSorter({node: [e for e in after if e in edges] for node, after in edges.items()})
    sorter.prepare()
    tasks: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[str, BaseException | None]] = queue.SimpleQueue()
    workers = _start(min(len(edges), MOST_THREADS), tasks, results, visit)
    running: set[str] = set()
    cancelled_at: float | None = None
    try:
        while True:
            stop = cancel.is_set() or (fail_fast and bool(outcome.failed))
            if cancel.is_set() and cancelled_at is None:
                cancelled_at = time.monotonic()
            if not stop:
                _submit_ready(sorter, edges, outcome, tasks, running)
            if not running:
                break
            if cancelled_at is not None and time.monotonic() - cancelled_at > grace:
                outcome.unfinished = set(running)
                break
            try:
                node, error = results.get(timeout=_TICK)
            except queue.Empty:
                continue
            running.discard(node)
            _settle(sorter, outcome, node, error)
    except BaseException:
        asked = cancel.is_set()
        cancel.set()
        _drain(results, running, time.monotonic() + grace)
        if not asked:
            cancel.clear()  # nobody asked for it: who catches this may run again
        raise
    finally:
        for _ in workers:
            tasks.put(None)
    return outcome


def _drain(results: queue.SimpleQueue[tuple[str, BaseException | None]], running: set[str], end: float) -> None:
    """Let what is in progress come back, until ``end`` in real time."""
    while running and (left := end - time.monotonic()) > 0:
        try:
            running.discard(results.get(timeout=left)[0])
        except queue.Empty:
            return


def _start(
    count: int,
    tasks: queue.SimpleQueue[str | None],
    results: queue.SimpleQueue[tuple[str, BaseException | None]],
    visit: Callable[[str], None],
) -> list[threading.Thread]:
    def work() -> None:
        while (node := tasks.get()) is not None:
            error: BaseException | None = None
            try:
                visit(node)
            except BaseException as caught:  # noqa: BLE001 - handed to the walk, which raises what is not ours
                error = caught
            results.put((node, error))

    threads = [threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def _submit_ready(
    sorter: graphlib.TopologicalSorter[str],
    edges: Mapping[str, Set[str]],
    outcome: Outcome,
    tasks: queue.SimpleQueue[str | None],
    running: set[str],
) -> None:
    """Start what is ready; what waited for a failure is passed over, and so, in turn, is what waits for that."""
    while ready := sorter.get_ready():
        for node in ready:
            blamed = [
                outcome.skipped.get(dep, dep) for dep in edges[node] if dep in outcome.failed or dep in outcome.skipped
            ]
            if blamed:
                outcome.skipped[node] = min(blamed)
                sorter.done(node)
            else:
                running.add(node)
                tasks.put(node)


def _settle(sorter: graphlib.TopologicalSorter[str], outcome: Outcome, node: str, error: BaseException | None) -> None:
    if error is None:
        outcome.done.append(node)
    elif isinstance(error, Interrupted | LostLease):
        outcome.unfinished.add(node)
        return
    elif isinstance(error, DeployError):
        outcome.failed[node] = error
    else:
        raise error
    sorter.done(node)
