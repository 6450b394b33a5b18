"""The results that `Deployer` returns: the report of a run, and the status of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from livekit_deploy.base.timing import Timing
from livekit_deploy.checks import verify
from livekit_deploy.checks.finding import Finding, unfinished
from livekit_deploy.costs.prices import as_of
from livekit_deploy.engine.graph import longest_chain
from livekit_deploy.engine.kinds import Kinds, kind_of
from livekit_deploy.engine.ownership_tags import Kept
from livekit_deploy.errors import DeployError, StateError
from livekit_deploy.provisioners.addresses import CLUSTER, RELEASE
from livekit_deploy.state.document import Holder, Phase, State


@dataclass(frozen=True)
class Leftover:
    """One thing that is left after `down`; ``usd_month`` is None where its price is not known here."""

    what: str
    id: str
    made_by: str
    usd_month: float | None
    #: why `down` left it although it is recorded, "" for what it did not know
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.id} ({self.why or f'made by {self.made_by}'})"


@dataclass
class Report:
    """What a run did; ``leftovers`` and ``vanishing`` are filled by `down`, ``findings`` by `up`: what `verify` found
    at its end. ``unfinished`` is what continues by itself, by address; ``warnings`` what is wrong with what runs, and
    what to do about it; ``unseen`` is what `down` could not list, with why: what is left of it is not known."""

    command: str
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    #: what was to be deleted and stays, since it is not ours, or something that stays holds it
    stays: list[Kept] = field(default_factory=list)
    failed: dict[str, DeployError] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, tuple[str, str]] = field(default_factory=dict)
    kept: int = 0
    leftovers: list[Leftover] = field(default_factory=list)
    vanishing: list[tuple[str, str]] = field(default_factory=list)
    unseen: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    outputs: dict[str, Any] = field(default_factory=dict)
    #: where the time of each address went, whatever came of it
    timings: Mapping[str, Timing] = field(default_factory=dict)

    @property
    def in_progress(self) -> list[str]:
        """What has still to end by itself: as it was found last."""
        return [one.seen for one in unfinished(self.findings)] if self.findings else list(self.unfinished.values())

    @property
    def prices_as_of(self) -> str:
        """The month of the prices of what is left over."""
        return as_of()

    @property
    def chain(self) -> list[Timing]:
        """The longest chain of the run: each of its resources began when the one before it had ended."""
        edges = {timing.address: [timing.after] for timing in self.timings.values()}
        weights = {timing.address: timing.spent.total for timing in self.timings.values()}
        return [self.timings[address] for address in longest_chain(edges, weights)]


@dataclass(frozen=True)
class Recorded:
    """One address as the state has it; ``id`` is "" before there is one, ``since`` is UTC, ISO 8601.

    ``warning`` is what AWS said was wrong with it when `up` looked last.
    """

    address: str
    phase: str
    id: str
    since: str
    warning: str = ""


@dataclass(frozen=True)
class StatusReport:
    """One environment at a glance: what is recorded, what is in progress, who holds the lease."""

    header: dict[str, str]
    lineage: str | None
    serial: int
    stages: dict[str, tuple[int, int]]
    records: list[Recorded]
    pending: list[str]
    holder: Holder | None
    lease_remaining: float
    outputs: dict[str, Any]


def status_of(
    header: dict[str, str],
    found: tuple[State, Holder | None, float] | None,
    domain: str,
    wanted: Mapping[str, str],
    kinds: Kinds,
) -> StatusReport:
    """What a state document says, with the live holder of its lease and the seconds that are left of it.

    ``wanted`` is the stage of each address of the configuration: what is not made yet counts as well.
    """
    state, holder, remaining = found or (None, None, 0.0)
    records = dict(state.records) if state else {}
    counted = {**(wanted if records else {}), **{address: record.stage for address, record in records.items()}}
    stages: dict[str, tuple[int, int]] = {}
    for address, stage in counted.items():
        ready, total = stages.get(stage, (0, 0))
        made = address in records and records[address].phase is Phase.READY
        stages[stage] = (ready + made, total + 1)
    return StatusReport(
        header=header,
        lineage=state.lineage if state else None,
        serial=state.serial if state else 0,
        stages=stages,
        records=[Recorded(a, r.phase.value, r.id or "", r.since, r.warning) for a, r in sorted(records.items())],
        pending=list(state.unfinished()) if state else [],
        holder=holder,
        lease_remaining=remaining,
        outputs=outputs_of(state, domain, kinds) if state else {},
    )


def with_cluster(state: State | None, env: str) -> State:
    """The state of ``env``, where a cluster is recorded. Raises `StateError` when there is none yet."""
    record = state.records.get(CLUSTER) if state else None
    if state is None or record is None or record.phase not in (Phase.READY, Phase.UPDATING):
        raise StateError("there is no cluster yet", hint=f"run: livekit-deploy up --env {env}")
    return state


def outputs_of(state: State, domain: str, kinds: Kinds) -> dict[str, Any]:
    """Names and endpoints of what is ready, under the names that users know; ``domain`` is LiveKit's."""
    found: dict[str, Any] = {}
    for address, record in sorted(state.records.items()):
        if record.phase is Phase.READY:
            exports = kind_of(kinds, record.kind, address).exports
            name = address.partition("/")[2]
            found |= {public.format(name=name): record.outputs.get(key) for key, public in exports.items()}
    if verify.serves(state) and state.records[RELEASE].phase is Phase.READY:
        found["livekit.url"] = f"wss://{domain}"
    return found
