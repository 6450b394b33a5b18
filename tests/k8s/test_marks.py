"""Somebody takes our tags off what is in the cluster: shown for every kind, nothing changes until it is adopted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from livekit_deploy.aws.access.tags import ADDRESS, LINEAGE
from livekit_deploy.engine.execute import Execution
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.helm.charts import fetched
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace, Secret
from livekit_deploy.k8s.ownership_tags import ADDRESS_ANNOTATION, LINEAGE_LABEL
from livekit_deploy.stack import KINDS as PRODUCT
from tests.following import adopted
from tests.k8s.helm.releases import ALL, HERE, out_of_band
from tests.k8s.rig import KubeRig, publish

ANOTHER = "11111111-2222-3333-4444-555555555555"
PATHS = {"k8s.namespace": "/api/v1/namespaces/media", "k8s.secret": f"{HERE}/secrets/keys", "helm.release": ""}
ADDRESSES = {
    "k8s.namespace": "k8s.namespace/media",
    "k8s.secret": "k8s.secret/keys",
    "helm.release": "helm.release/web",
}
KINDS = sorted(PATHS)


class OneOfEachKind:
    """One of each kind; ``kind`` is the one that somebody lays hands on."""

    def __init__(self, rig: KubeRig, charts: Path, kind: str) -> None:
        self.rig, self.kind, self.address = rig, kind, ADDRESSES[kind]
        self._repo = publish(charts, "web", ALL)
        rig.eks.secrets = {("k", "v1"): "hidden", ("k", "v2"): "drawn anew"}

    def declared(self, *, other: bool = False, without: bool = False) -> list[Resource]:
        """``other`` has each kind say something else, ``without`` leaves out the kind and what is in it."""
        host = self.rig.host
        space = Namespace("media", labels={"tier": "b" if other else "a"}, lives_in=host)
        ref = SecretRef("arn:x", "k", "v2" if other else "v1")
        secret = Secret("keys", namespace="media", values={"k": ref}, lives_in=host, after=[space])
        level = "debug" if other else "info"
        release = HelmRelease(
            "web", namespace="media", chart="web", repo=self._repo, version="1.0.0", values={"level": level},
            lives_in=host, after=[space],
        )  # fmt: skip
        if without and self.kind == "k8s.namespace":
            return [host]
        return [item for item in (host, space, secret, release) if not (without and item.kind == self.kind)]

    def strip(self, lineage: str | None = None) -> None:
        """Take the tags off, or write another ``lineage``'s into their place."""
        if self.kind == "helm.release":
            marks = {"livekitDeploy": {"lineage": lineage, "address": self.address}} if lineage else {}
            values = {"level": "theirs", "global": marks}
            out_of_band(self.rig, fetched(self._repo, "web", "1.0.0", None), values=values)
            return
        address = {} if lineage else {"annotations": {ADDRESS_ANNOTATION: None}}
        self.rig.patch(PATHS[self.kind], {"metadata": {"labels": {LINEAGE_LABEL: lineage}, **address}})

    def shown(self) -> str:
        """The object to the last byte: for a release the records that helm keeps of it."""
        if self.kind != "helm.release":
            return json.dumps(self.rig.api.get(PATHS[self.kind]), sort_keys=True)
        return json.dumps(self.rig.api.list(f"{HERE}/secrets", "owner=helm,name=web"), sort_keys=True)


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, rig: KubeRig, charts: Path) -> OneOfEachKind:
    made = OneOfEachKind(rig, charts, request.param)
    rig.up(made.declared())
    return made


def test_every_kind_in_the_cluster_is_tried() -> None:
    assert set(KINDS) == {name for name, kind in PRODUCT.items() if kind.host_kind and "k8s" in kind.__module__} - {
        name for name in PRODUCT if name.startswith("barrier.")
    }


@pytest.mark.parametrize("lineage", [None, ANOTHER], ids=["taken off", "of another state"])
def test_lost_marks_are_shown_and_put_back_only_where_it_is_adopted(world: OneOfEachKind, lineage: str | None) -> None:
    rig = world.rig
    world.strip(lineage)
    before, record = world.shown(), rig.records[world.address]

    plan = rig.plan(world.declared())
    (shown,) = plan.unmarked
    lost = {LINEAGE} if lineage else {LINEAGE, ADDRESS}
    assert (shown.address, {diff.path for diff in shown.unmarked}) == (
        world.address, {f"ownership_tags.{key}" for key in lost},
    )  # fmt: skip
    assert plan.changes == ()
    assert ("tags changed" if lineage else "tags removed") in shown.warning
    rig.up(world.declared(other=True))
    assert world.shown() == before, "nothing of it is changed, whatever the file says"
    assert rig.records[world.address].inputs == record.inputs

    rig.marked(adopt=adopted(shown.remedy))
    (change,) = rig.plan(world.declared(other=True)).changes
    assert (change.address, change.action) == (world.address, Action.UPDATE)
    rig.up(world.declared(other=True))
    rig.marked(adopt=frozenset())
    plan = rig.plan(world.declared(other=True))
    assert (plan.changes, plan.unmarked) == ((), ())


def test_what_is_no_longer_in_the_file_stays_without_our_marks_and_is_named(world: OneOfEachKind) -> None:
    rig = world.rig
    world.strip()
    before = world.shown()
    for _ in range(2):
        (shown,) = rig.plan(world.declared(without=True)).unmarked
        assert shown.address == world.address
        rig.up(world.declared(without=True))
        assert world.shown() == before
        assert world.address in rig.records

    rig.marked(adopt=adopted(shown.remedy))
    rig.up(world.declared(without=True))
    assert world.address not in rig.records


def test_marks_that_go_between_the_plan_and_the_deletion_count_too(
    world: OneOfEachKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = world.rig
    remove: Callable[..., object] = Execution._remove
    once = [world.strip]

    def late(self: Execution, *addresses: object, **more: object) -> object:
        while once:
            once.pop()()
        return remove(self, *addresses, **more)

    monkeypatch.setattr(Execution, "_remove", late)
    execution = rig.executed(world.declared(without=True))
    assert world.address in execution.kept
    assert world.shown() not in ("null", "[]")
    assert world.address in rig.records, "its cluster stays: the next run names it again"
