"""One run under a lease: carries out a plan within its time limit, reports it, and explains how it ended."""

from __future__ import annotations

import contextlib
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from livekit_deploy import errors
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.credentials import session_end
from livekit_deploy.aws.kinds.ec2.vpc import Vpc
from livekit_deploy.base.clock import Clock
from livekit_deploy.checks import verify
from livekit_deploy.checks.aws_health import health_findings
from livekit_deploy.checks.finding import Finding, failed, unfinished
from livekit_deploy.checks.reach import Reach
from livekit_deploy.config import Environment
from livekit_deploy.engine.execute import Execution
from livekit_deploy.engine.plan import Plan
from livekit_deploy.engine.planner import Planned
from livekit_deploy.engine.resource import Resource
from livekit_deploy.engine.run import Run, ask_again, planned_read
from livekit_deploy.engine.unrecorded import Look
from livekit_deploy.engine.waits import Expired, Waits
from livekit_deploy.engine.walk import Outcome
from livekit_deploy.events import Event, Looked, Notice, RunFinished, RunStarted
from livekit_deploy.operations.leftovers import leftovers
from livekit_deploy.operations.report import Report
from livekit_deploy.state.document import Phase, Record
from livekit_deploy.state.rescue import rescued
from livekit_deploy.state.session import Session

T = TypeVar("T")

#: seconds that targets are given to become healthy after everything else is ready
_ANSWER_SECONDS = 300.0


class Running:
    """A run of one environment; ``cancel`` ends it, ``timeout`` bounds it in seconds of the clock."""

    def __init__(
        self,
        env: Environment,
        cloud: Cloud,
        clock: Clock,
        cancel: threading.Event,
        emit: Callable[[Event], None],
        timeout: float | None,
        reach: Reach,
    ) -> None:
        self._env, self._clock, self._cancel = env, clock, cancel
        self._clients, self._adopt = cloud.clients, cloud.ownership.adopt
        self._emit, self._timeout, self._reach = emit, timeout, reach
        self._late = False

    def carry_out(
        self,
        session: Session,
        cloud: Cloud,
        planned: Planned,
        *,
        fail_fast: bool,
        abandon: bool = False,
        look: Look | None = None,
    ) -> Report:
        """Do what is planned, in ``cloud`` as the run has it; with ``abandon`` forget what is stored in the cluster
        first. ``look`` finds what else there is to delete.

        Raises `Interrupted`, and the session's failure when there is one.
        """
        began, command = self._clock.now(), cloud.context.command
        waits = self._waits(session.lost)
        self._emit(_started(command, self._env.name, planned.plan))
        self._warn_of_session(planned.plan)
        execution = Execution(Run(cloud, session, waits, self._emit), planned, fail_fast=fail_fast)
        try:
            with self._deadline():
                execution.take_in(planned.found)
                if abandon:
                    execution.abandon()
                outcome = execution.up() if command == "up" else execution.down(look)
        except (errors.Interrupted, errors.LostLease):
            self._check_end(session, early=True)
            raise
        kept = sum(record.phase is Phase.READY for record in session.state.records.values())
        report = _report(command, execution, outcome, kept, self._clock.now() - began)
        self._emit(_finished(report))
        self._check_end(session, early=bool(outcome.unfinished))
        return report

    def answering(
        self,
        cloud: Cloud,
        records: Mapping[str, Record],
        *,
        within: float = _ANSWER_SECONDS,
        to_the_end: bool = False,
        lost: threading.Event | None = None,
    ) -> list[Finding]:
        """What `verify` finds once all is well, or at the end of ``within`` seconds: balancers and DNS need time.

        ``to_the_end`` waits for what is unfinished too.
        """
        waits = self._waits(lost)
        seen: list[Finding] = []

        def missing(found: list[Finding]) -> list[Finding]:
            return [*failed(found), *(unfinished(found) if to_the_end else ())]

        def look() -> list[Finding]:
            before = missing(seen)
            seen[:] = verify.run_checks(self._env, cloud, records, self._reach)
            if (now := missing(seen)) != before:
                self._emit(Looked(failing={one.check: one.seen for one in now}))
            return seen

        with contextlib.suppress(Expired):
            waits.settle(look, lambda found: not missing(found), timeout=within)
        return seen

    def verified(
        self, cloud: Cloud, records: Mapping[str, Record], *, within: float, to_the_end: bool
    ) -> list[Finding]:
        """The same, and what AWS says is wrong with what runs."""
        found = self.answering(cloud, records, within=within, to_the_end=to_the_end)
        return [*found, *health_findings(cloud.remembering(), records)]

    def patient(self, item: Resource | type[Resource], read: Callable[[], T]) -> T:
        """A read for a plan."""
        return planned_read(self._waits(), item, read)

    def taken_down(
        self, session: Session, cloud: Cloud, planned: Planned, look: Look, *, fail_fast: bool, abandon: bool
    ) -> Report:
        """Carry out a plan of `down`, and list what is left.

        Of a run that failed it is said as far as it can be: what cannot be listed then must not hide the failure.
        """
        records = {**session.state.records, **planned.found}
        vpcs = [record.id for record in records.values() if record.kind == Vpc.kind and record.id]
        report = self.carry_out(session, cloud, planned, fail_fast=fail_fast, abandon=abandon, look=look)
        try:
            report.leftovers, report.vanishing = ask_again(
                self._waits(), lambda: leftovers(cloud, vpcs, report.stays, unseen=report.unseen)
            )
        except errors.DeployError as error:
            if not report.failed:
                raise
            self._emit(Notice(level="warning", message=f"leftovers cannot be listed: {error}"))
        return report

    def _warn_of_session(self, plan: Plan) -> None:
        """Say before the first call that the credentials end before this usually does."""
        kind, end = session_end(self._clients)
        left = (end - datetime.now(UTC)).total_seconds() if end is not None else plan.critical_s
        if left < plan.critical_s:
            message = (
                f"{kind} that ends in {max(left, 0) / 60:.0f} min: this takes about {plan.critical_s / 60:.0f} min"
            )
            self._emit(Notice(level="warning", message=f"{message}; log in again, or run it again when it has ended"))

    @property
    def patience(self) -> tuple[Waits, float]:
        """How to wait outside of a lease, and for how many seconds of the clock at most."""
        return self._waits(), math.inf if self._timeout is None else self._timeout

    def _waits(self, lost: threading.Event | None = None) -> Waits:
        return Waits(self._clock, self._cancel, lost or threading.Event())

    def over(self) -> Callable[[], bool]:
        """Tells whether what begins now is to end: it is cancelled, or has taken all of its time."""
        end = math.inf if self._timeout is None else self._clock.now() + self._timeout
        return lambda: self._cancel.is_set() or self._clock.now() >= end

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        if self._timeout is None:
            yield
            return
        timer = threading.Timer(self._timeout / self._clock.speed, self._run_out)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _run_out(self) -> None:
        self._late = not self._cancel.is_set()
        self._cancel.set()

    def _check_end(self, session: Session, *, early: bool) -> None:
        """Raise what ended the run, if anything did; ``early``: before all was done."""
        if isinstance(session.failure, errors.StateError | errors.Denied):
            raise self._rescued(session, session.failure)
        if session.failure is not None:
            raise session.failure
        if self._cancel.is_set() or early:
            raise self._reason()

    def _reason(self) -> errors.DeployError:
        """Why it ended early: where nobody asked for it, the lease ran out, which the writer may not know yet."""
        kept = "what exists keeps costing money: continue with up, or remove it with down"
        again = "run the same command again"
        if self._late:
            hint = f"{again}, with more time: it continues from here"
            return errors.OutOfTime(f"the time limit of {self._timeout:g} s is over, stopped safely; {kept}", hint=hint)
        if not self._cancel.is_set():
            return errors.LostLease(
                f"the lease has run out, stopped safely; {kept}", hint=f"{again}: it continues from here"
            )
        return errors.Interrupted(f"stopped safely; {kept}", hint=f"{again}: it continues from here")

    def _rescued(
        self, session: Session, failure: errors.StateError | errors.Denied
    ) -> errors.StateError | errors.Denied:
        """Save what could not be written, and say how to bring it back."""
        path, env = rescued(session.unsaved), self._env.name
        first = f"{failure.hint}; then" if isinstance(failure, errors.Denied) else "when the store answers again,"
        if path is None:
            said, back = "no rescue copy could be written either", f"livekit-deploy state rebuild --env {env}"
        else:
            said, back = f"a rescue copy of the state is in {path}", f"livekit-deploy state restore --env {env} {path}"
        hint = f"{first} run: {back}"
        if isinstance(failure, errors.StateGone):  # what this run knew is newer than the last version
            hint = f"run: {back}; or {failure.hint}" if path is not None else f"run: {failure.hint}"
        return type(failure)(f"{failure}; {said}", code=failure.code, request_id=failure.request_id, hint=hint)

    def closed(self, report: Report, max_drain: int | None, *, abandon: bool = False) -> Report:
        """The report, unless something failed. Raises `Incomplete` and `VerifyFailed`."""
        if report.failed:
            count = len(report.failed)
            address = next(iter(report.failed))
            raise errors.Incomplete(
                f"{count} resource{'s' if count > 1 else ''} failed, first {address}: {report.failed[address]}",
                report=report,
                code=_exit_code(report),
                hint=f"continue from what is recorded: livekit-deploy {report.command} --env {self._env.name}"
                + _drain_given(report.command, max_drain)
                + (" --abandon-cluster-objects" if abandon else "")
                + "".join(f" --adopt {one}" for one in sorted(self._adopt)),
            )
        if wrong := failed(report.findings):
            raise errors.VerifyFailed(
                f"everything is there, but LiveKit does not answer: {wrong[0].check}: {wrong[0].seen}",
                findings=report.findings,
                hint=f"{wrong[0].remedy}; look again with: livekit-deploy verify --env {self._env.name}",
            )
        return report


def _drain_given(command: str, given: int | None) -> str:
    """The option that gives calls the time that this run gave them: without it `down` cuts them."""
    return "" if given == (0 if command == "down" else None) else f" --max-drain {given}s"


def _started(command: str, env: str, plan: Plan) -> RunStarted:
    stages = dict(Counter(change.stage for change in plan.changes))
    return RunStarted(command=command, env=env, stages=stages, total=len(plan.changes))


def _exit_code(report: Report) -> int:
    denied = next(
        (
            error.exit_code
            for error in report.failed.values()
            if isinstance(error, errors.Denied | errors.CredentialsError)
        ),
        0,
    )
    something = report.created or report.updated or report.deleted or report.kept or report.leftovers
    return denied or (8 if something else 1)


def _report(command: str, execution: Execution, outcome: Outcome, kept: int, seconds: float) -> Report:
    return Report(
        command=command,
        created=execution.created,
        updated=execution.updated,
        deleted=execution.deleted,
        stays=list(execution.kept.values()),
        failed=outcome.failed,
        skipped=outcome.skipped,
        unfinished=execution.unfinished,
        warnings=execution.warnings,
        kept=kept,
        seconds=round(seconds, 1),
        timings=execution.timings,
    )


def _finished(report: Report) -> RunFinished:
    counts = {name: len(getattr(report, name)) for name in ("created", "updated", "deleted", "failed")}
    return RunFinished(command=report.command, **counts, elapsed_s=report.seconds)
