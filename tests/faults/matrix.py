"""Every fault against every kind: one `up` or `down` under it, and one after it is lifted.

A kind's needs stand before; the fault strikes the calls that the kind itself makes. Whatever happens, the run ends
converged or with an error that says what, why and what next; the next run converges, with one of each and an empty
plan.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3

from livekit_deploy.aws.access.cloud import mutates
from livekit_deploy.engine.inputs import Change
from livekit_deploy.engine.resource import Observed, Resource
from livekit_deploy.errors import CredentialsError, Denied, DeployError, Failed, Incomplete, ResourceError, TimedOut
from livekit_deploy.operations.report import Report
from livekit_deploy.render import failure
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, Case, closure
from tests.faults.rig import PLAN, FaultRig, faults, world
from tests.faults.rows import Calls, Row
from tests.inventory import inventory

Declared = Callable[[], list[Resource]]
#: how a cell begins that has nothing to try, before the reason
NOTHING = "–"
#: kinds that somebody else makes, or that make no call of their own
NO_CALL = {case.kind.kind for case in CASES if issubclass(case.kind, Observed)}
#: what cannot be tagged: its name is its identity, and there cannot be two
NO_MARK = {"route53.record"}
#: their create has neither a token nor a natural key, so that it is sent once only: the next run looks whether it came
SENT_ONCE = {"ec2.vpc", "ec2.internet_gateway", "ec2.elastic_ip", "kms.key"}
#: codes of our clients' own errors: nobody answered, so there is no request id
LOCAL = {"ConnectionClosedError", "ReadTimeoutError", "EndpointConnectionError", "ConnectTimeoutError", "Unreachable"}


def changeable(case: Case) -> str | None:
    """An input that changes in place."""
    return next((name for name in case.changes if case.kind.inputs[name].change is Change.MUTABLE), None)


def built(case: Case, *, other: bool = False) -> tuple[Resource, list[Resource], list[Resource]]:
    """The subject (with its ``other`` value), what either value of it needs, and both."""
    base, name = Base(), changeable(case)
    first = case.make(base)
    second = case.changed(base, name) if name is not None else first
    subject = second if other else first
    everything = closure(subject, *first.dependencies(), *second.dependencies())
    return subject, [item for item in everything if item is not subject], everything


class Column:
    """One kind, whose needs stand once for all the faults that are tried on it."""

    def __init__(self, case: Case, folder: Path) -> None:
        self._case, self._rig = case, FaultRig(folder)
        boto3.client("route53", region_name="us-east-1").create_hosted_zone(Name=ZONE, CallerReference="x")
        self._before = inventory()
        self._well(self._needs())
        self.calls = self._learn()

    def _needs(self) -> list[Resource]:
        return built(self._case)[1]

    def _whole(self) -> list[Resource]:
        return built(self._case)[2]

    def _other(self) -> list[Resource]:
        """All of it, with another value of an input."""
        return built(self._case, other=True)[2]

    def _well(self, resources: Sequence[Resource] | None) -> None:
        for error in self._rig.attempt(resources).values():
            raise error

    def _learn(self) -> Calls:
        """What the kind calls when nothing is wrong."""
        self._rig.made()
        self._well(self._needs())
        others = set(self._rig.made(mutating=False))
        self._well(self._whole())
        made = self._rig._made
        creates = self._rig.made()
        reads = _reads_of(made) - others
        until_created = made.index(creates[0]) + 1 if creates else 0
        self._well(self._needs())
        reads_down = _reads_of(self._rig._made) - others
        deletes = self._rig.made()
        changes: list[str] = []
        if changeable(self._case) is not None:
            self._well(self._whole())
            self._rig.made()
            self._well(self._other())
            changes = self._rig.made()
            self._well(self._needs())
        own = self._case.kind.kind not in NO_CALL
        ups, downs = dict.fromkeys(creates), dict.fromkeys(deletes)
        return Calls(
            tuple(ups) if own else (),
            tuple(dict.fromkeys(changes)) if own else (),
            tuple(downs) if own else (),
            tuple(sorted(reads)),
            tuple(sorted(reads_down)),
            until_created,
        )

    def cell(self, row: Row) -> str:
        """Try it; what it came to, or the reason why there is nothing to try. Raises AssertionError."""
        planned = row.plan(self._case, self.calls)
        if isinstance(planned, str):
            return f"{NOTHING} {planned}"
        rounds = [[one] for one in planned] if row.in_turn else [planned]
        ended = {kind_of(failed) for failed in [self._round(row, given) for given in rounds] if failed}
        return f"{', '.join(sorted(ended))}, then converged" if ended else "converged"

    def _round(self, row: Row, given: Sequence[Mapping[str, Any]]) -> Mapping[str, DeployError]:
        subject = built(self._case)[0]
        wanted = {"up": self._whole, "change": self._other, "down": self._needs}[row.verb]
        if row.verb != "up":
            self._well(self._whole())
        with faults(*given):
            failed = self._rig.attempt(wanted())
        for address, error in failed.items():
            explains(address, error)
        assert not (failed and self._survives(row)), f"it did not survive: {failed}"
        assert failed or not row.refused, f"it does not need {given}"
        if row.verb != "down":
            self._recorded(subject)
            self._well(wanted())
            assert self._rig.plan(wanted()).changes == ()
            assert self._rig.records[subject.address].phase.value == "ready"
            self._one_of_each(subject)
        self._well(self._needs())
        assert subject.address not in self._rig.records
        return failed

    def _survives(self, row: Row) -> bool:
        return row.survives and not (row.sent and self._case.kind.kind in SENT_ONCE)

    def _recorded(self, subject: Resource) -> None:
        """What was asked for is on record, and nothing is recorded as made that is not."""
        record = self._rig.records.get(subject.address)
        if record is not None and record.phase.value == "creating":
            assert record.id is None
            assert record.outputs == {}

    def _one_of_each(self, subject: Resource) -> None:
        host = None
        if subject.lives_in is not None:
            host = subject.lives_in.read(self._rig.cloud, None)
        found = [one for one in type(subject).scan(self._rig.cloud, host) if one.address == subject.address]
        unmarked = self._case.kind.kind in NO_CALL | NO_MARK
        assert len(found) == 1 or unmarked, f"{len(found)} of {subject.address}"

    def deny_each(self, there: Declared, *, first: Declared, other: Declared, tried: set[str]) -> None:
        """Deny every action of the change to ``there`` that is not in ``tried``, one run after the other.

        It changes from the other of ``first``, which can be made at once, and ``other``.
        """

        def ready() -> bool:
            self._well(self._needs())
            self._well(first())
            self._well(first() if there is other else other())
            return not self._rig.plan(there()).blocked

        if ready():
            self._rig.made()
            self._well(there())
            new = set(self._rig.made()) - tried
            tried |= new
            for call in sorted(new):
                assert ready()
                with faults({"fault": "denied", "call": call}):
                    failed = self._rig.attempt(there())
                assert failed, f"it does not need {call}"
                for address, error in failed.items():
                    explains(address, error)
                    assert error.exit_code == 4
                self._well(there())
                assert self._rig.plan(there()).changes == ()
        self._well(self._needs())

    def close(self) -> None:
        """Nothing of it is left."""
        self._well(None)
        assert self._rig.records == {}
        assert inventory() == self._before


def _reads_of(made: Sequence[str]) -> set[str]:
    return {one for one in made if not mutates(one.partition(":")[2])} - {"sts:GetCallerIdentity"}


def kind_of(failed: Mapping[str, DeployError]) -> str:
    return type(next(iter(failed.values()))).__name__


def explains(address: str, error: DeployError) -> None:
    """The screen says which resource, why in AWS's code, by which request, what is kept and what to do."""
    said = f"{address}: {type(error).__name__}: {error.message}"
    assert error.hint, f"no next step: {said}"
    report = Report("up", failed={address: error}, kept=3)
    shown = "\n".join(failure.lines(Incomplete(said, report=report, code=8, hint="run: livekit-deploy up --env uat")))
    for what in (address, error.hint, "3 resources are up and recorded", "run: livekit-deploy up --env uat"):
        assert what in shown, f"the screen does not say {what}: {said}"
    if isinstance(error, CredentialsError):
        assert error.exit_code == 4
        return
    assert isinstance(error, ResourceError), said
    assert address == PLAN or error.address == address, f"it names {error.address!r}: {said}"
    assert error.exit_code == 4 or not isinstance(error, Denied)
    if not isinstance(error, TimedOut):
        assert error.code, f"no code: {said}"
        assert error.code in shown
    if not isinstance(error, Failed | TimedOut):
        assert error.request_id or error.code in LOCAL, f"no request id: {said}"
        assert error.request_id in shown


def columns(cases: Sequence[Case]) -> Iterator[Column]:
    """A column for each kind, in a world of its own."""
    for case in cases:
        with tempfile.TemporaryDirectory() as folder, world():
            column = Column(case, Path(folder))
            yield column
            column.close()
