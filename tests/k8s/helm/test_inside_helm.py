"""Die after each request by which the real helm changes a cluster: to install, upgrade, roll back and uninstall.

Helm is killed before it hears what came of the request, and the run that started it is heard of no more. What is left
is what a dead helm leaves at that moment: pending-install, pending-upgrade, pending-rollback, uninstalling, or less.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import DeployError
from livekit_deploy.k8s.helm import process
from livekit_deploy.k8s.helm.process import HelmBinary
from livekit_deploy.k8s.helm.record import read_release
from tests.fakes import Killed
from tests.k8s.helm.releases import ALL, LEASE, config_map, release
from tests.k8s.rig import KubeRig, aged, publish

pytestmark = [pytest.mark.kill, pytest.mark.slow]

_FROM_HELM = "Helm/"  # how its requests begin to say who sends them


class DeadlyCluster:
    """Counts the requests by which helm changes the rig's cluster; kills helm, and its run, at the one it is told."""

    def __init__(self, rig: KubeRig, monkeypatch: pytest.MonkeyPatch) -> None:
        self._rig, self._inside, self._run = rig, rig.cluster._front.answer, HelmBinary.run
        self._death, self.seen = -1, 0
        monkeypatch.setattr(rig.cluster._front, "answer", self._answer)
        monkeypatch.setattr(HelmBinary, "run", lambda binary, *given: self._mortal(binary, *given))

    def _answer(self, method: str, target: str, headers: Any, body: bytes) -> Any:
        said = self._inside(method, target, headers, body)
        if method != "GET" and str(headers.get("User-Agent")).startswith(_FROM_HELM):
            self.seen += 1
            if self.seen == self._death:
                for group in list(process._running):
                    process._signal(group, signal.SIGKILL)
        return said

    def _mortal(self, binary: HelmBinary, *given: Any) -> bytes:
        try:
            return self._run(binary, *given)
        except DeployError as error:
            if 0 < self._death <= self.seen:
                raise Killed from error
            raise

    @contextlib.contextmanager
    def death(self, number: int) -> Iterator[None]:
        """Dies within, at that request; the next process knows nothing of it, and no lease is left."""
        self.seen, self._death = 0, number
        with pytest.raises(Killed):
            yield
        self._death = -1
        self._rig.cloud.kept.clear()
        found = read_release(self._rig.api, "media", "web")
        if found is not None and found.status.startswith("pending"):
            aged(self._rig, "media", "web", LEASE)

    def requests(self, run: Callable[[], None]) -> int:
        """How many there are in a run that nobody disturbs."""
        self.seen = 0
        run()
        return self.seen


def held(rig: KubeRig) -> set[str]:
    """What is in the namespace, but for helm's own records and what every namespace has."""
    kinds = [("configmaps", ""), ("services", ""), ("secrets", ""), ("deployments", "apps")]
    found = {f"{kind}/{name}" for kind, group in kinds for name in rig.objects(kind, group, "media")}
    return {one for one in found if "sh.helm.release" not in one and one != "configmaps/kube-root-ca.crt"}


class Scenario:
    """What helm is about when it dies."""

    def __init__(self, name: str, rig: KubeRig, repo: str, cluster: DeadlyCluster) -> None:
        self._name, self._rig, self._repo, self._cluster = name, rig, repo, cluster
        self._host = rig.lives

    def wanted(self) -> list[Resource]:
        first = self._name in ("install", "uninstall")
        return release(self._rig, self._repo) if first else release(self._rig, self._repo, "1.1.0", level="debug")

    def ready(self) -> None:
        self._rig.up(release(self._rig, self._repo)[: 2 if self._name == "install" else 3])
        if self._name == "rollback":
            with self._cluster.death(2):
                self._rig.up(self.wanted())
            found = read_release(self._rig.api, "media", "web")
            assert found is not None
            assert found.status == "pending-upgrade"

    def down(self) -> None:
        self._rig.down()
        self._rig.eks.host = self._host  # which serves the next round

    def run(self) -> None:
        self.down() if self._name == "uninstall" else self._rig.up(self.wanted())

    def dies(self, death: int) -> None:
        self.ready()
        with self._cluster.death(death):
            self.run()


@pytest.mark.parametrize("scenario", ["install", "upgrade", "rollback", "uninstall"])
def test_killed_inside_helm(
    rig: KubeRig,
    charts: Path,
    monkeypatch: pytest.MonkeyPatch,
    scenario: str,
    record_property: Callable[[str, Any], None],
) -> None:
    repo = publish(charts, "web", ALL)
    publish(charts, "web", {"map": ALL["map"], "deployment": ALL["deployment"], "more": config_map("more")}, "1.1.0")
    cluster = DeadlyCluster(rig, monkeypatch)

    way = Scenario(scenario, rig, repo, cluster)
    way.ready()
    number, everything = cluster.requests(way.run), held(rig)
    way.down()
    for death in range(1, number + 1):
        way.dies(death)
        way.run()
        assert held(rig) == everything, f"request {death}"
        if scenario != "uninstall":
            found = read_release(rig.api, "media", "web")
            assert found is not None
            assert found.status == "deployed"
            assert rig.diffs(way.wanted()) == {}
        way.down()
        assert held(rig) == set(), f"request {death}"
        if scenario in ("upgrade", "rollback"):
            way.dies(death)
            way.down()
            assert held(rig) == set(), f"request {death}, then down"
    record_property("kill", [f"inside helm {scenario}", number, number, number, 0, 0])
