"""Walks a graph with threads: each node runs as soon as its dependencies are done. Knows nothing of AWS.

A node that fails takes its dependents out of the walk, and they are not errors; what does not depend on it continues.
Threads are daemons: when the run is cancelled and a node does not return within the grace, the walk leaves it behind
(the caller then knows from `Outcome.unfinished` that a call may still be in flight).
"""

from __future__ import annotations

import contextlib
import contextvars
import graphlib
import math
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
    going, end = _Walk(edges, visit), math.inf
    try:
        while True:
            if cancel.is_set():
                end = min(end, time.monotonic() + grace)
            elif not (fail_fast and going.outcome.failed):
                going.submit_ready()
            if not going.running:
                break
            if time.monotonic() > end:
                going.outcome.unfinished = set(going.running)
                break
            going.take(_TICK)
    except BaseException:
        asked = cancel.is_set()
        cancel.set()
        going.drain(time.monotonic() + grace)
        if not asked:
            cancel.clear()  # nobody asked for it: who catches this may run again
        raise
    finally:
        going.dismiss()
    return going.outcome


class _Walk:
    """One walk: its threads, what is ``running`` in them, and how each node ended so far."""

    def __init__(self, edges: Mapping[str, Set[str]], visit: Callable[[str], None]) -> None:
        self._edges, self._visit = edges, visit
        self.outcome, self.running = Outcome(), set[str]()
        known = {node: [other for other in after if other in edges] for node, after in edges.items()}
        self._sorter = graphlib.TopologicalSorter(known)
        self._sorter.prepare()
        self._tasks: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[str, BaseException | None]] = queue.SimpleQueue()
        self._workers = min(len(edges), MOST_THREADS)
        for _ in range(self._workers):
            threading.Thread(target=contextvars.copy_context().run, args=(self._work,), daemon=True).start()

    def _work(self) -> None:
        while (node := self._tasks.get()) is not None:
            error: BaseException | None = None
            try:
                self._visit(node)
            except BaseException as caught:  # noqa: BLE001 - handed to the walk, which raises what is not ours
                error = caught
            self._results.put((node, error))

    def submit_ready(self) -> None:
        """Start what is ready; what waited for a failure is passed over, and so, in turn, is what waits for that."""
        failed, skipped = self.outcome.failed, self.outcome.skipped
        while ready := self._sorter.get_ready():
            for node in ready:
                if blamed := [skipped.get(dep, dep) for dep in self._edges[node] if dep in failed or dep in skipped]:
                    skipped[node] = min(blamed)
                    self._sorter.done(node)
                else:
                    self.running.add(node)
                    self._tasks.put(node)

    def take(self, seconds: float) -> None:
        """Note how a node ended, if one does within so many seconds of real time. Raises what is not ours."""
        with contextlib.suppress(queue.Empty):
            node, error = self._results.get(timeout=seconds)
            self.running.discard(node)
            self._settle(node, error)

    def _settle(self, node: str, error: BaseException | None) -> None:
        if error is None:
            self.outcome.done.append(node)
        elif isinstance(error, Interrupted | LostLease):
            self.outcome.unfinished.add(node)
            return
        elif isinstance(error, DeployError):
            self.outcome.failed[node] = error
        else:
            raise error
        self._sorter.done(node)

    def drain(self, end: float) -> None:
        """Let what is in progress come back, until ``end`` in real time."""
        with contextlib.suppress(queue.Empty):
            while self.running and (left := end - time.monotonic()) > 0:
                self.running.discard(self._results.get(timeout=left)[0])

    def dismiss(self) -> None:
        """Let the threads end that have nothing to do any more."""
        for _ in range(self._workers):
            self._tasks.put(None)
