"""The real engine and the real kinds on moto in this process: each `up` and `down` is a run of its own.

Waits take no time (the clock moves by what is waited for). Every call is logged as botocore sends it.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud, mutates
from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.engine.execute import Execution
from livekit_deploy.engine.kinds import named
from livekit_deploy.engine.plan import Plan
from livekit_deploy.engine.planner import Planner
from livekit_deploy.engine.resource import Resource
from livekit_deploy.engine.run import Run, planned_read
from livekit_deploy.engine.unrecorded import Look
from livekit_deploy.engine.waits import Waits
from livekit_deploy.engine.walk import Outcome
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.install import install
from livekit_deploy.stack import KINDS
from livekit_deploy.state.document import Holder, Record, State
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import FileStore
from tests.fakes import FakeClock
from tests.kinds import kinds

REGION = "us-east-1"


@functools.cache
def _boto() -> boto3.Session:
    return boto3.Session(region_name=REGION)


@contextlib.contextmanager
def account() -> Iterator[None]:
    """A sandbox's AWS of its own, instant, in this process."""
    install(SandboxClock(math.inf))
    with mock_aws():
        yield


def sharing(access_key: str | None = None, secret_key: str | None = None) -> boto3.Session:
    """A session for a test's own clients: it takes the service models from the one that has read them."""
    session = boto3.Session(access_key, secret_key, region_name=REGION)
    session._session.register_component("data_loader", _boto()._session.get_component("data_loader"))
    return session


class AwsRig:
    """One environment of project ``livekit`` with its state file, against whatever AWS boto3 reaches."""

    def __init__(self, folder: Path, env: str = "uat") -> None:
        self.env, self.log = env, list[str]()
        self.clock, self.cancel = FakeClock(), threading.Event()
        self._store = FileStore(folder / f"{env}.json", now=lambda: 1_000_000.0)
        self.clients = self.new_clients()
        self.cloud = Cloud(self.clients, OwnershipTags("livekit", env), RunContext(cancel=self.cancel))

    def marked(self, **changes: Any) -> None:
        """What is ours from now on has other marks."""
        self.cloud = replace(self.cloud, ownership=replace(self.cloud.ownership, **changes))

    def bound(self, **changes: Any) -> None:
        """What is done from now on is bound otherwise."""
        self.cloud = self.cloud.under(replace(self.cloud.context, **changes))
        self.clients = self.cloud.clients

    def new_clients(self) -> Clients:
        """Such as a command has of its own; the service models are read once for all tests."""
        return Clients(REGION, instrument=self._watch, clock=self.clock, opened=_boto())

    def _watch(self, client: Any) -> None:
        client.meta.events.register("before-call.*.*", self._note)

    def _note(self, model: Any, **_: Any) -> None:
        self.log.append(model.name)

    def calls(self, *, mutating: bool = True) -> list[str]:
        """The mutating calls (or all the others) since the last time this was asked."""
        found = [name for name in self.log if mutates(name) is mutating]
        self.log.clear()
        return found

    # ---- runs

    def plan(self, resources: Sequence[Resource]) -> Plan:
        return self._planner().up(resources).plan

    def diffs(self, resources: Sequence[Resource]) -> dict[str, tuple[Any, Any]]:
        """path -> (before, after) of everything that a plan would change."""
        return {diff.path: (diff.before, diff.after) for c in self.plan(resources).changes for diff in c.diffs}

    def up(self, resources: Sequence[Resource]) -> None:
        """Apply; the first failure is raised."""
        self.executed(resources)

    def executed(self, resources: Sequence[Resource]) -> Execution:
        """The same, and what was done."""
        self._know(*map(type, resources))
        session = self._session()
        try:
            execution = Execution(self._run(session), self._planner().up(resources))
            outcome = execution.up()
        finally:
            session.release()
        _raise(outcome)
        return execution

    def down(self, *swept: type[Resource], abandon: bool = False) -> None:
        """Delete what is recorded and, where kinds are swept, all else that carries our tags; ``abandon`` what is in
        the cluster.

        The first failure is raised.
        """
        _raise(self.taken_down(*swept, abandon=abandon))

    def taken_down(self, *swept: type[Resource], abandon: bool = False) -> Outcome:
        """The same, and how it ended."""
        return self.torn_down(*swept, abandon=abandon)[1]

    def torn_down(self, *swept: type[Resource], abandon: bool = False) -> tuple[Execution, Outcome]:
        """The same, and what was done."""
        look = Look() if swept else None
        session = self._session()
        try:
            planned = self._planner().down(look)
            execution = Execution(self._run(session), planned)
            execution.take_in(planned.found)
            if abandon:
                execution.abandon()
            return execution, execution.down(look)
        finally:
            session.release()

    @property
    def records(self) -> dict[str, Record]:
        found = lease_of(self._store)
        return dict(found[0].records) if found else {}

    def outputs(self, address: str) -> dict[str, Any]:
        return dict(self.records[address].outputs)

    def _know(self, *classes: type[Resource]) -> None:
        """Know the product's kinds, those on record and these, and not what other tests have imported."""
        every, found = kinds(), lease_of(self._store)
        recorded = {record.kind for record in found[0].records.values()} if found else set()
        known = {**KINDS, **self.cloud.kinds, **{name: every[name] for name in recorded}, **named(classes)}
        self.cloud = replace(self.cloud, context=replace(self.cloud.context, kinds=known))

    def _planner(self) -> Planner:
        self._know()
        found = lease_of(self._store)
        waits = Waits(self.clock, self.cancel, threading.Event())
        return Planner(
            self.cloud.remembering(), found[0] if found else None, "digest", functools.partial(planned_read, waits)
        )

    def _session(self) -> Session:
        self._know()
        holder = Holder("h", "u", "host", 1, "up", "2026-11-23T00:00:00Z", 90.0)
        session = Session.acquire(self._store, holder, lambda: State.new("livekit", self.env), lock_timeout=0)
        self.cloud = self.cloud.with_lineage(session.state.lineage)
        return session

    def _run(self, session: Session) -> Run:
        return Run(self.cloud, session, Waits(self.clock, self.cancel, session.lost), lambda event: None)


def _raise(outcome: Outcome) -> None:
    for error in outcome.failed.values():
        raise error
