"""Every fault of the Kubernetes API against every kind in a cluster: what AWS's own faults are in tests/faults.

A run under the fault ends converged, or with an error that says what, why and what next; the next run converges, and
`down` after it leaves nothing. ``barrier.calls_drained`` makes nothing: its steps are tried in test_drain.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.engine.execute import Execution
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import DeployError, ResourceError
from livekit_deploy.k8s.helm import HelmRelease
from livekit_deploy.k8s.objects import Namespace, Secret
from tests.faults.matrix import explains
from tests.faults.rig import PLAN
from tests.k8s.faults import FAULTS, Fault, struck
from tests.k8s.rig import KubeRig, Named, publish

#: kind → below which path its requests go
PATHS = {
    "k8s.namespace": "/api/v1/namespaces/apps",
    "k8s.secret": "/namespaces/apps/secrets/keys",
    "helm.release": "/namespaces/apps/configmaps",
}
#: which verb meets it, and how often
ROUNDS = {
    "up, once": ("up", 1, False),
    "up, always": ("up", None, False),
    "reads of up, always": ("up", None, True),
    "down, once": ("down", 1, False),
}
#: in every run; the others have time
QUICK = {
    ("k8s.secret", "reset after", "up, once"),
    ("k8s.secret", "500", "up, always"),
    ("k8s.namespace", "409", "down, once"),
}


class World:
    """One kind, with what it needs."""

    def __init__(self, rig: KubeRig, charts: Path, kind: str) -> None:
        self.rig, self.kind = rig, kind
        rig.cloud.secrets["k", "v1"] = "hidden"
        if kind == "helm.release":
            item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it"}, "data": {"a": "1"}}
            self._repo = publish(charts, "web", {"map": item})

    def declared(self) -> list[Resource]:
        rig = self.rig
        space = Namespace("apps", lives_in=rig.host)
        if self.kind == "k8s.namespace":
            return [rig.host, space]
        if self.kind == "k8s.secret":
            kept = Named("keys", out=SecretRef("arn:aws:secretsmanager:us-east-1:1:secret:s", "k", "v1"))
            secret = Secret("keys", namespace="apps", values={"k": kept.value}, lives_in=rig.host, after=[space])
            return [rig.host, space, kept, secret]
        release = HelmRelease(
            "web", namespace="apps", chart="web", repo=self._repo, version="1.0.0", values={}, lives_in=rig.host,
            after=[space],
        )  # fmt: skip
        return [rig.host, space, release]

    def attempt(self, resources: Sequence[Resource] | None) -> Mapping[str, DeployError]:
        """One `up`, or with None one `down`: what failed, by address; under ``plan`` what kept it from beginning."""
        session = self.rig._session()
        try:
            planner = self.rig._planner()
            planned = planner.down() if resources is None else planner.up(resources)
            execution = Execution(self.rig._run(session), planned)
            return dict((execution.down() if resources is None else execution.up()).failed)
        except DeployError as error:
            return {PLAN: error}
        finally:
            session.release()

    def kept(self) -> list[Resource]:
        """All but what is in the cluster: that would take everything with it."""
        return [item for item in self.declared() if item.kind.startswith("test.")]

    def down(self) -> Mapping[str, DeployError]:
        return self.attempt(self.kept())


def _cells() -> list[Any]:
    cells = []
    for kind in PATHS:
        for fault in FAULTS:
            for name in ROUNDS:
                quick = (kind, fault.name, name) in QUICK
                marks = () if quick else (pytest.mark.slow,)
                cells.append(pytest.param(kind, fault, name, id=f"{kind}-{fault.name}-{name}", marks=marks))
    return cells


@pytest.mark.parametrize(("kind", "fault", "name"), _cells())
def test_a_fault_of_the_api_ends_well_or_is_explained(
    kind: str, fault: Fault, name: str, rig: KubeRig, charts: Path
) -> None:
    if fault.hangs:
        rig.clients.call_bound = 4.0
    world = World(rig, charts, kind)
    verb, times, reads = ROUNDS[name]
    if verb == "down":
        assert world.attempt(world.declared()) == {}
    with struck(fault, PATHS[kind], times=times, reads=reads) as met:
        failed = world.attempt(world.declared()) if verb == "up" else world.down()
    assert met, "nothing met it"
    for address, error in failed.items():
        explains(address, error)
    # a run of helm is not repeated: what it has done is looked at first, by the next run
    assert times is None or kind == "helm.release" or not failed, "once is survived"
    if verb == "up":
        assert world.attempt(world.declared()) == {}
        assert rig.plan(world.declared()).changes == ()
        assert {item.address for item in world.declared()} <= set(rig.records)
    assert world.down() == {}
    assert set(rig.records) == {item.address for item in world.kept()}
    assert "apps" not in rig.objects("namespaces")


def test_a_token_that_is_refused_is_not_used_again(rig: KubeRig, charts: Path) -> None:
    world, refused = World(rig, charts, "k8s.namespace"), FAULTS[3]
    assert world.attempt(world.declared()) == {}
    rig.cloud.tokens_made = 0
    with struck(refused, PATHS["k8s.namespace"], times=1):
        assert world.down() == {}
    assert rig.cloud.tokens_made == 1, "instead of the one it had"


@pytest.mark.parametrize(("reads", "sent"), [(True, 3), (False, 1)])
def test_only_a_read_is_sent_again_when_its_answer_is_lost(reads: bool, sent: int, rig: KubeRig) -> None:
    lost = next(fault for fault in FAULTS if fault.after)
    path = "/api/v1/namespaces/kube-system"
    ask: Callable[[str], object] = rig.api.get if reads else rig.api.let_go
    with struck(lost, path, times=None, reads=reads) as met, pytest.raises(ResourceError, match="cannot be reached"):
        ask(path)
    assert len(met) == sent
