"""Helm releases as resources: helm's record tells what is installed, the objects of its manifest their health.

Helm is never told to wait: the engine polls. A run that was killed leaves a pending record; it is repaired once a whole
lease has passed, since until then another process may still be at it. An upgrade is rolled back; what it had yet to
take away is written into its record first, since a rollback stumbles over an object that only the revision before
knows. Nothing is deleted for it: a Service that goes takes its load balancer and the calls behind it along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.base import call_log, shipped_files
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output, Unresolved, plain, substitute
from livekit_deploy.engine.resource import MINUTE, Found, Live, Resource, Status
from livekit_deploy.k8s.access.client import PASSING, Api, Obj, api_for, host_of, leaving, serves
from livekit_deploy.k8s.helm.charts import definitions, definitions_in, fetched
from livekit_deploy.k8s.helm.command import Helm, helm, release_values, rendered
from livekit_deploy.k8s.helm.definitions import Definitions, broken
from livekit_deploy.k8s.helm.process import UNSERVED, WEBHOOK
from livekit_deploy.k8s.helm.record import ReleaseRecord, read_earlier, read_release, revise
from livekit_deploy.k8s.helm.uninstalled import Remains
from livekit_deploy.k8s.ownership_tags import claim, own
from livekit_deploy.k8s.rollout import rollout
from livekit_deploy.k8s.workload import drift, has_endpoints, live_objects, named


class HelmRelease(Resource):
    """A release in ``namespace``. ``repo`` "" means a chart that ships with us; ``values`` hold nothing secret.

    ``endpoints`` names a Service that must have endpoints before the release counts as ready. ``state``, ``missing``
    and ``drifted`` are what helm and the cluster say; wanted are ``deployed`` and nothing. Its values carry our tags.
    Source: Helm documentation, "helm upgrade" and "helm uninstall".
    """

    kind = "helm.release"
    host_kind = "eks.cluster"
    stored_in_host = True
    timeout, delete_timeout = 20 * MINUTE, 20 * MINUTE
    usual, usual_delete = 30.0, 20.0
    #: seconds in which a controller that lives has deleted its load balancers (as `Observed.patience`)
    patience: ClassVar[float] = 5 * MINUTE
    propagation = {**PASSING, WEBHOOK: (), UNSERVED: ()}

    namespace: Input[str] = Input(change=Change.FIXED, way_out="A release stays in its namespace: run down and up.")
    chart: Input[str] = Input(change=Change.FIXED, way_out="Another chart is another release: run down and up.")
    repo: Input[str] = Input(change=Change.CREATE_ONLY, default="")
    digest: Input[str | None] = Input(change=Change.CREATE_ONLY, default=None)
    version: Input[str] = Input()
    values: Input[Mapping[str, Any]] = Input()
    endpoints: Input[str | None] = Input(change=Change.CREATE_ONLY, default=None)
    state: Input[str] = Input(default="deployed")
    missing: Inputs[str] = Inputs(default=())
    drifted: Inputs[str] = Inputs(default=())

    release = Output[str]()

    def check(self) -> None:
        """Render the chart here, with the names of references for what is not known yet."""
        values = substitute(self.__dict__["values"], lambda ref: ref.output)
        with call_log.made_for(self.address):
            rendered(self._chart(), self.name, self.namespace, release_values(values, {}))

    # ---- reading

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        if not serves(self.host):
            return None
        connection, record = self._known(cloud)
        if record is None:
            return None
        if id is None:
            claim(cloud, self.address, record.own_tags, f"the release {self._id()}")
        return replace(self._seen(cloud, connection, record), tags=record.own_tags)

    def _known(self, cloud: Cloud) -> tuple[Api, ReleaseRecord | None]:
        """The API that helm's record is read from, and the record; None when helm knows no such release."""
        connection = api_for(cloud, self)
        return connection, read_release(connection, self.namespace, self.instance)

    def _seen(self, cloud: Cloud, connection: Api, record: ReleaseRecord) -> Live:
        props: dict[str, Any] = {
            "namespace": self.namespace,
            "chart": record.chart,
            "version": record.version,
            "values": record.values,
            "state": record.status,
        }
        if record.status == "uninstalling":
            return Live(self._id(), Status.READY, props, detail="helm was interrupted while it uninstalled")
        if record.status.startswith("pending"):
            return self._pending(cloud, connection, record, props)
        return self._settled(connection, record, props)

    def _id(self) -> str:
        return f"{self.namespace}/{self.instance}"

    def _pending(self, cloud: Cloud, connection: Api, record: ReleaseRecord, props: dict[str, Any]) -> Live:
        lease = cloud.context.limits.lease
        age = (datetime.now(UTC) - record.written).total_seconds()
        if age < lease:
            return Live(self._id(), Status.PENDING, props, detail=f"helm: {record.status} for {age:.0f} s")
        # nobody can be at it any more; the difference in state asks for the repair
        earlier = self._earlier(connection, record)
        unknown = _unknown(earlier, record)
        live = [live for _, live in live_objects(connection, unknown, self.namespace) if live]
        if going := [item for item in live if leaving(item)]:
            return Live(self._id(), Status.PENDING, props, detail=f"waiting for {named(going[0])} to go")
        if unknown:
            props["state"] = f"{record.status}, which does not know {', '.join(map(named, unknown))}"
        elif self._sizes(connection, earlier, record):
            props["state"] = f"{record.status}, with fewer or more pods in the revision before"
        return Live(self._id(), Status.READY, props)

    def _earlier(self, connection: Api, record: ReleaseRecord) -> list[ReleaseRecord]:
        return read_earlier(connection, self.namespace, self.instance, record.revision)

    def _sizes(self, connection: Api, earlier: Sequence[ReleaseRecord], record: ReleaseRecord) -> dict[str, int]:
        """The Deployments whose present number of replicas, an autoscaler's, a rollback would change."""
        before = next(iter(earlier), None)
        if before is None or not (_scaled(record) or _scaled(before)):
            return {}
        return {
            live["metadata"]["name"]: size
            for item, live in live_objects(connection, before.manifest, self.namespace)
            if live and item["kind"] == "Deployment" and (size := live["spec"].get("replicas"))
            if size != item["spec"].get("replicas")
        }

    def _settled(self, connection: Api, record: ReleaseRecord, props: dict[str, Any]) -> Live:
        defined = Definitions(connection, definitions_in(record.files))
        objects = [*defined.objects, *live_objects(connection, record.manifest, self.namespace)]
        scaled = _scaled(record)
        props["missing"] = sorted(named(item) for item, live in objects if live is None)
        props["drifted"] = sorted(
            f"{named(item)} {field}" for item, live in objects if live for field in drift(item, live, scaled)
        )
        if first := defined.waits(record.manifest):
            return Live(self._id(), Status.PENDING, props, detail=first)
        rollouts = [rollout(connection, live) for item, live in objects if live and item["kind"] == "Deployment"]
        waits = [one.fault for one in rollouts if one.fault]
        if self.endpoints and not has_endpoints(connection, self.namespace, self.endpoints):
            waits.append(f"{self.endpoints} has no endpoints yet")
        whole = record.status == "deployed" and not props["missing"] and not props["drifted"]
        # what cannot become ready as it is must be changed, not waited for
        status = Status.PENDING if waits and whole and self._as_wanted(record) else Status.READY
        unfinished = "; ".join(filter(None, (one.unfinished for one in rollouts)))
        return Live(self._id(), status, props, {"release": self.instance}, "; ".join(waits), unfinished=unfinished)

    def _as_wanted(self, record: ReleaseRecord) -> bool:
        """Whether what is installed is what is asked for; as long as that is not known, it counts as such."""
        try:
            return (plain(self.values), self.version) == (record.values, record.version)
        except Unresolved:
            return True

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """The release while helm knows it; after that, what its objects leave for a while."""
        if not serves(self.host):
            return None
        connection, record = self._known(cloud)
        if record is not None:
            return Live(self._id(), Status.READY, tags=record.own_tags)
        return Remains(connection, self.namespace, self.instance).live(self._id())

    def own_tags(self, cloud: Cloud, outputs: Mapping[str, Any]) -> dict[str, str]:
        return own(super().own_tags(cloud, outputs))

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        """They are among its values: it becomes as it is wanted, or what holds that up is repaired first."""
        self.update(cloud, live, frozenset({"values"} if live.props.get("version") == self.version else {"version"}))

    # ---- changing: each verb is one run of helm

    def create(self, cloud: Cloud, token: str) -> str:
        # what an earlier release left is as that chart had it, and helm takes it as it is
        Definitions(api_for(cloud, self), definitions(self._chart())).bring(absent=False)
        self._install(cloud)
        return self._id()

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """Repair what an interrupted run left, else upgrade."""
        state = str(live.props["state"])
        runner = helm(cloud, host_of(self))
        if state in ("pending-install", "uninstalling"):
            asyncio.run(runner.uninstall(self.instance, namespace=self.namespace, timeout=runner.give_up))
        elif state.startswith("pending"):
            self._roll_back(cloud, runner)
        elif "version" in changed:
            Definitions(api_for(cloud, self), definitions(self._chart())).bring()
            self._install(cloud)
        elif broken((*live.props.get("missing", ()), *live.props.get("drifted", ()))):
            self._define(cloud)
        elif not changed <= {"repo", "digest", "endpoints"}:
            self._install(cloud)

    def _roll_back(self, cloud: Cloud, runner: Helm) -> None:
        """Let the record know what earlier revisions have, or keep the number of pods; then roll back to the whole one.

        The revision before may be one that was interrupted itself, and whose record says more than its chart.
        """
        connection, record = self._known(cloud)
        if record is None:
            return
        at, earlier = (connection, self.namespace, self.instance), self._earlier(connection, record)
        whole = earlier[0].revision if earlier else record.revision - 1
        if unknown := _unknown(earlier, record):
            revise(*at, record.revision, lambda items: [*items, *unknown])
        elif sizes := self._sizes(connection, earlier, record):
            revise(*at, whole, lambda items: [_sized(item, sizes) for item in items])
        else:
            asyncio.run(runner.back(self.instance, self.namespace, whole))

    def _define(self, cloud: Cloud) -> None:
        """Bring back one definition of the chart that is installed; what it defines follows."""
        connection, record = self._known(cloud)
        if record is not None:
            Definitions(connection, definitions_in(record.files)).bring(most=1)

    def _install(self, cloud: Cloud) -> None:
        runner = helm(cloud, host_of(self))
        own_tags = {"lineage": cloud.ownership.lineage, "address": self.address}
        try:
            asyncio.run(
                runner.install_or_upgrade(
                    self.instance,
                    self._chart(),
                    release_values(self.values, own_tags),
                    create_namespace=False,
                    namespace=self.namespace,
                    timeout=runner.give_up,
                    **_server_side(runner),
                )
            )
        finally:
            api_for(cloud, self).forget()

    def _chart(self) -> Path:
        if not self.repo:
            return shipped_files.path(f"charts/{self.chart}")
        return fetched(self.repo, self.chart, self.version, self.digest)

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Uninstall; then end what would drain for hours, or for ever."""
        connection, record = self._known(cloud)
        if record is not None:
            runner = helm(cloud, host_of(self))
            asyncio.run(runner.uninstall(self.instance, namespace=self.namespace, timeout=runner.give_up))
        else:
            Remains(connection, self.namespace, self.instance).end()

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        """None: a release is found by its name, and goes with its cluster at the latest."""
        yield from ()


def _unknown(earlier: Sequence[ReleaseRecord], record: ReleaseRecord) -> list[Obj]:
    """What the revisions before have, back to the last whole one, and the newest one has not."""
    known = {_identity(item) for item in record.manifest}
    had = {_identity(item): item for one in earlier for item in one.manifest}
    return [item for identity, item in had.items() if identity not in known]


def _scaled(record: ReleaseRecord) -> bool:
    return any(item["kind"] == "HorizontalPodAutoscaler" for item in record.manifest)


def _sized(item: Obj, sizes: Mapping[str, int]) -> Obj:
    name = item["metadata"]["name"]
    if item["kind"] != "Deployment" or name not in sizes:
        return item
    return {**item, "spec": {**item["spec"], "replicas": sizes[name]}}


def _identity(item: Obj) -> tuple[str, str, str | None, str]:
    metadata = item["metadata"]
    return item["apiVersion"], item["kind"], metadata.get("namespace"), metadata["name"]


def _server_side(runner: Helm) -> dict[str, Any]:
    """Helm 4 applies on the server, and takes back what others changed; Helm 3 merges three ways and does so anyway."""
    return {"server_side": "true", "force_conflicts": True} if runner.major >= 4 else {}
