"""The `Deployer`: plans, makes, changes and removes one environment. This is the API of the library.

The pipeline, for `up`:

    environment  ──stack()──▶  resources (desired state, references)
    state object ──acquire──▶  session: the lease, and the single writer behind it
    resources + state + what AWS shows  ──Planner──▶  Plan (data; what `plan` shows and ``--out`` saves)
    Plan  ──Execution──▶  for each resource along the graph: intent, one call, settle, record
    at the end: the session is released, a copy of the document goes to ``history/``

`down` walks the recorded graph backwards and needs no configuration, then lists what is left. Nothing here prints,
prompts, exits or installs signal handlers; `cancel` may be called from any thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from livekit_deploy.aws.access.account import Account
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.kinds.ec2.zones import Layout, laid_out
from livekit_deploy.aws.state_bucket.bucket import store_of
from livekit_deploy.base.clock import Clock
from livekit_deploy.checks import prerequisites, verify
from livekit_deploy.checks.finding import Finding
from livekit_deploy.checks.reach import Reach
from livekit_deploy.config import Environment
from livekit_deploy.costs import bill
from livekit_deploy.costs.price_list import PriceList
from livekit_deploy.engine.kinds import named
from livekit_deploy.engine.plan import Action, Plan
from livekit_deploy.engine.planner import Planned, Planner
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import Blocked, UsageError
from livekit_deploy.events import Event, one_at_a_time, silent, warnings
from livekit_deploy.operations.api_keys import Keyring
from livekit_deploy.operations.cluster import ClusterAccess
from livekit_deploy.operations.lost import look_for_rest, refuse_lost
from livekit_deploy.operations.pod_secrets import other_holders
from livekit_deploy.operations.report import Report, StatusReport, outputs_of, status_of, with_cluster
from livekit_deploy.operations.run import Running
from livekit_deploy.operations.state_repair import Upkeep
from livekit_deploy.stack import KINDS, stack
from livekit_deploy.state.document import Holder, Home, Record, State, belongs
from livekit_deploy.state.edit import unlock
from livekit_deploy.state.holder import this_process
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.limits import Limits
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import Store


class Deployer:
    """Plans, brings up and takes down one environment. Use it as a context manager.

    ``resources`` default to the whole stack of the environment; ``store`` and ``clients`` to what the environment
    names. ``clock`` runs waits and deadlines. ``on_event`` is called from worker threads, one event at a time.
    ``lock_timeout`` is how many real seconds to wait for another holder's lease, ``timeout`` how many seconds of the
    clock the whole run may take. ``reach`` is how names and HTTPS are reached as users do; the environment's variables
    say it when it is not given. ``kinds`` are those of a program's own that may be on record without being among the
    ``resources``.
    """

    def __init__(
        self,
        env: Environment,
        *,
        resources: Sequence[Resource] | None = None,
        store: Store | None = None,
        clients: Clients | None = None,
        clock: Clock | None = None,
        on_event: Callable[[Event], None] | None = None,
        parallelism: int = 10,
        lock_timeout: float = 120.0,
        timeout: float | None = None,
        adopt: Iterable[str] = (),
        command: str = "",
        profile: str | None = None,
        role_arn: str | None = None,
        reach: Reach | None = None,
        kinds: Iterable[type[Resource]] = (),
    ) -> None:
        self.env, self.clock = env, clock or Clock()
        #: whose state it is; the account is known once the credentials were asked
        self._home = Home(env.project, env.name, region=env.region)
        clients = clients or Clients(env.region, profile=profile, role_arn=role_arn)
        marks = OwnershipTags(env.project, env.name, extra=dict(env.tags), adopt=frozenset(adopt))
        self._cancel, self._reach = threading.Event(), reach or Reach.from_environ(os.environ)
        self._emit = one_at_a_time(on_event or silent)
        limits, ask = Limits(float(env.state.lease_seconds)), self._reach.nameservers
        known = named({*KINDS.values(), *map(type, resources or ()), *kinds})
        context = RunContext(limits, self._cancel, kinds=known, tell=warnings(self._emit), nameservers=ask)
        #: AWS before anything is known of the state; what is known then makes a view of it
        self.cloud = Cloud(clients, marks, account=Account(parallelism)).under(context)
        self._price_list = PriceList(self.cloud)
        self._given, self._stacked, self._store = resources, resources, store
        self._checked: set[str] | None = None
        self._lock_timeout, self._command = lock_timeout, command
        self._running = Running(env, self.cloud, self.clock, self._cancel, self._emit, timeout, self._reach)
        self._look = look_for_rest(self.declared, self._running.patient, context.tell)

    def __enter__(self) -> Deployer:
        return self

    def __exit__(self, *_: object) -> None:
        self._cancel.set()

    # ---- what a caller may ask

    def plan(self, *, targets: Iterable[str] = (), stage: str = "", destroy: bool = False) -> Plan:
        """What `up` (or, with ``destroy``, `down`) would do. Takes no lease and writes nothing.

        With ``stage`` only what belongs to it; raises `UsageError` when something is missing that it needs.
        """
        state, holder, _ = self._begun()
        planned = self._priced(self._make_plan(state, targets, destroy, stage), state).plan
        lease = f"held by {holder.user}@{holder.host}" if holder else "free"
        return replace(planned, header={**planned.header, "lease": lease})

    def check(self, plan: Plan) -> None:
        """Raise what would keep the plan from being carried out whatever AWS says: `Blocked`, `TooExpensive`, a chart
        that does not render, a helm that cannot be had. Nothing is changed, and nothing is checked twice."""
        self.keep_limit(plan)
        if plan.blocked:
            first = plan.blocked[0]
            raise Blocked(f"{first.address} {first.reason.removeprefix('it ')}", hint=first.hint)
        self._checked = checked = self._checked or set()
        made = {change.address for change in plan.changes if change.action is not Action.DELETE}
        for resource in self.resources:
            if resource.address in made - checked:
                resource.check()
                checked.add(resource.address)

    def keep_limit(self, plan: Plan) -> None:
        """Raise `TooExpensive` for a plan whose cost is above what the environment allows."""
        bill.keep_limit(plan.cost, self.env)

    def up(
        self,
        plan: Plan | None = None,
        *,
        targets: Iterable[str] = (),
        stage: str = "",
        fail_fast: bool = False,
        max_drain: float | None = None,
    ) -> Report:
        """Bring the environment to its configuration; ``plan`` must still be what would be done now.

        All of it is verified at the end; ``targets``, and a ``stage`` (that of ``plan``, where there is one), are not.
        ``max_drain`` is how many seconds from its SIGTERM on a pod may take to end its calls before media nodes that
        are replaced go, at most what its chart gives it, which is the default; 0 waits for no call.
        Raises `StalePlan`, `Blocked`, `LockedError`, `Interrupted`, and `Incomplete` when a resource failed.
        """
        self._begun()
        drain = None if max_drain is None else int(max_drain)
        if plan is not None or self._checked is None:  # before anybody has to wait for our lease
            self.check(plan or self.plan(targets=targets, stage=stage))
        with self._session("up", drain) as (session, cloud):
            stage = plan.stage if plan is not None else stage
            planned = self._priced(self._make_plan(session.state, targets, False, stage), session.state)
            if plan is not None:
                self._expect(plan, planned.plan, session)
            self.check(planned.plan)
            report = self._running.carry_out(session, cloud, planned, fail_fast=fail_fast)
            report.outputs = outputs_of(session.state, self.env.livekit.domain, self.cloud.kinds)
            if not report.failed and verify.serves(session.state) and not (stage or list(targets)):
                report.findings = self._running.answering(cloud, session.state.records, lost=session.lost)
        return self._running.closed(report, drain)

    def down(
        self,
        plan: Plan | None = None,
        *,
        fail_fast: bool = False,
        abandon_cluster_objects: bool = False,
        max_drain: float = 0.0,
    ) -> Report:
        """Delete everything that is recorded, then list what is left of ours in the account.

        ``abandon_cluster_objects`` asks the cluster nothing: what is stored in it goes with it. ``max_drain`` is as
        for `up`; no call is waited for unless it is given.
        """
        if self._begun()[0] is None and (plan is None or not plan.changes):
            return Report("down")  # nothing is recorded and nothing is there: nothing is begun either
        drain = int(max_drain)
        with self._session("down", drain) as (session, cloud):
            planned = self._make_plan(session.state, (), destroy=True)
            if plan is not None:
                self._expect(plan, planned.plan, session)
            given = {"fail_fast": fail_fast, "abandon": abandon_cluster_objects}
            report = self._running.taken_down(session, cloud, planned, self._look, **given)
        return self._running.closed(report, drain, abandon=abandon_cluster_objects)

    def verify(self, *, within: float = 0.0, to_the_end: bool = False) -> list[Finding]:
        """What answers between a user and a pod and what does not, with cause and remedy; changes nothing.

        It looks again until all is well (``to_the_end``: and finished) or ``within`` seconds of the clock have passed.
        Raises `UsageError` when LiveKit is not recorded."""
        self._guard()
        found = self.lease()
        if found is None or not verify.serves(found[0]):
            hint = f"run: livekit-deploy up --env {self.env.name}, or its step livekit"
            raise UsageError("LiveKit is not deployed yet", hint=hint)
        return self._running.verified(self._of(found[0]), found[0].records, within=within, to_the_end=to_the_end)

    def prerequisites(self, *, fix: bool = False) -> list[Finding]:
        """Whether `up` can succeed: rights, quotas, offerings, DNS, tools, state bucket; each failure with its remedy.

        Changes nothing but, with ``fix``, what is safe: helm is installed, a foreign bucket's versioning turned on.
        """
        return prerequisites.run_checks(
            prerequisites.PrerequisitesContext(self.env, self.cloud, self._reach, self._in, self.lease, fix=fix)
        )

    @property
    def cluster(self) -> ClusterAccess:
        """The cluster: a kubeconfig and a credential for it, what LiveKit's pods say, its events."""
        return ClusterAccess(self._inside, self._emit, self._running.over)

    def _inside(self) -> Cloud:
        """The cloud as ours, with a cluster on record. Raises `StateError` when there is none yet."""
        return self.cloud.with_lineage(with_cluster(self._state(), self.env.name).lineage)

    def _of(self, state: State) -> Cloud:
        """The cloud with what a state tells of it: whose objects are ours, and whether there are pods of LiveKit."""
        holders = other_holders(self.cluster.api if verify.serves(state) else None)
        return self.cloud.with_lineage(state.lineage).under(replace(self.cloud.context, other_holders=holders))

    @property
    def keys(self) -> Keyring:
        """LiveKit's API keys: list, add, rotate, remove. What changed is given to the pods by `up`."""
        self._guard()
        return Keyring(self.cloud, self._state, self._session, self.cluster.api, self._emit, *self._running.patience)

    def status(self) -> StatusReport:
        """What the state document says of what is configured and recorded; reads nothing else."""
        wanted = {item.address: item.stage for item in self.resources}
        return status_of(self._header(), self.lease(), self.env.livekit.domain, wanted, self.cloud.kinds)

    def outputs(self) -> dict[str, Any]:
        """Names and endpoints of what runs: network, cluster, Redis, LiveKit. Never a secret."""
        return outputs_of(state, self.env.livekit.domain, self.cloud.kinds) if (state := self._state()) else {}

    def lease(self) -> tuple[State, Holder | None, float] | None:
        """The state, the live holder if there is one, and the seconds left of its lease.

        Raises `StateError` for a document that is damaged or another environment's.
        """
        found = lease_of(self.store)
        if found is not None:
            belongs(found[0], self._home, self.store.location)
        return found

    def _begun(self) -> tuple[State | None, Holder | None, float]:
        """The same; raises `StateError` too where nothing is recorded and what another document knew is there."""
        self._guard()
        state, holder, left = self.lease() or (None, None, 0.0)
        refuse_lost(self.cloud, self.env.name, state, self.store.location)
        return state, holder, left

    def _state(self) -> State | None:
        return (self.lease() or (None,))[0]

    def unlock(self, seen: Holder) -> None:
        """Take the lease away from the holder that the user was shown."""
        unlock(self.store, seen)

    @property
    def upkeep(self) -> Upkeep:
        """Care for the state outside of a run: history, restore, rebuild, single records."""
        self._guard()
        return Upkeep(self.env, self.cloud, self.store)

    def cancel(self) -> None:
        """Ask the run to end: no new work begins, waits end, and the run raises `Interrupted`."""
        self._cancel.set()

    @property
    def resources(self) -> list[Resource]:
        """The resources as given, or as the stack declares them; the zones are a guess until something is planned."""
        return list(self._stacked or self._in(None))

    def _in(self, layout: Layout | None) -> Sequence[Resource]:
        return self._given or stack(self.env, layout)

    def declared(self, records: Mapping[str, Record] | None = None) -> list[Resource]:
        """The same in the zones that records, or those of the state, and AWS tell; `ConfigError` for one of no use."""
        if records is None:
            records = state.records if (state := self._state()) else {}
        self._stacked = self._given or stack(self.env, laid_out(self.env, self.cloud, records))
        return list(self._stacked)

    @property
    def store(self) -> Store:
        """Where the state document lives, opened on first use: the account must be known. It needs no fence."""
        if self._store is None:
            self._store = store_of(self.env, replace(self.cloud, account=Account()), self.cloud)
        return self._store

    def _guard(self) -> None:
        """Refuse the wrong account before anything else is asked."""
        prerequisites.right_account(self.cloud.identity, self.env)
        prerequisites.long_lease(self.cloud.clients, self.env)
        self._home = replace(self._home, account=self.cloud.identity.account)

    def _make_plan(self, state: State | None, targets: Iterable[str], destroy: bool, stage: str = "") -> Planned:
        cloud = self._of(state) if state is not None else self.cloud
        planner = Planner(cloud.remembering(), state, self.env.digest(), self._running.patient)
        planned = planner.down(self._look) if destroy else planner.up(self.resources, tuple(targets), stage)
        return replace(planned, plan=replace(planned.plan, header=self._header()))

    def _priced(self, planned: Planned, state: State | None) -> Planned:
        return bill.priced(planned, state, self.env, self._price_list)

    def _header(self) -> dict[str, str]:
        env, account = self.env, self.cloud.identity.account
        return {"project": env.project, "env": env.name, "region": env.region, "account": account}

    def _expect(self, plan: Plan, now: Plan, session: Session) -> None:
        plan.expect(replace(now, lineage=None) if plan.lineage is None and session.fresh else now)

    @contextmanager
    def _session(self, command: str, drain: int | None = None) -> Iterator[tuple[Session, Cloud]]:
        holder, cancel = this_process(self._command or command, self.cloud.context.limits.lease), self._cancel
        new = partial(State.new, **asdict(self._home))
        session = Session.acquire(
            self.store, holder, new, lock_timeout=self._lock_timeout, cancel=cancel, emit=self._emit
        )
        try:
            cloud = self._of(session.state)
            context = replace(
                cloud.context,
                fence=session.check,
                stopping=lambda: cancel.is_set() or session.over(),
                renew=session.confirm,
                command=command,
                max_drain=drain,
            )
            yield session, cloud.under(context)
        finally:  # what is still in flight keeps its fence: it may not be sent again
            session.release(lambda: self.cloud.account.mutating)
