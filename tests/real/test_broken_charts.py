"""Charts that somebody broke: a real API server refuses them, or its controllers say why no pod comes.

What a kubelet and livekit-server notice is in `livekit/test_broken_charts.py`, what the load balancer controller and a
registry do in `test_control_plane.py`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.k8s.access.client import Api
from livekit_deploy.k8s.helm import install
from livekit_deploy.k8s.rollout import rollout
from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from tests.k8s.chart.charts import Rendered, values
from tests.real.plane.keys import Keys
from tests.real.plane.processes import Processes
from tests.real.plane.wire import Wire

Obj = dict[str, Any]
_NAMESPACE = "/api/v1/namespaces/livekit"
_DEPLOYMENT = "/apis/apps/v1/namespaces/livekit/deployments/livekit"
_APPLY = "application/apply-patch+yaml"
_PATIENCE = 120.0


class Cluster:
    """A control plane without nodes, and our client of it."""

    def __init__(self, folder: Path) -> None:
        self._processes = Processes(folder, 1, Keys(folder))  # nobody comes with a token of EKS
        self._processes.start()
        self.wire = Wire(self._processes.endpoint, folder)
        self.wire.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "livekit"}})
        accounts = f"{_NAMESPACE}/serviceaccounts"
        for name in ("livekit", "client"):
            self.wire.ask("POST", accounts, {"metadata": {"name": name}})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        subject = {"kind": "ServiceAccount", "name": "client", "namespace": "livekit"}
        binding = {"metadata": {"name": "client"}, "roleRef": role, "subjects": [subject]}
        self.wire.ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        token = self.wire.ask("POST", f"{accounts}/client/token", {"spec": {}})["status"]["token"]
        authority = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
        self.api = Api(self._processes.endpoint, authority, lambda: token)

    def apply(self, item: Obj) -> None:
        query = {"fieldManager": "tests", "fieldValidation": "Strict", "force": "true"}
        self.wire.ask("PATCH", _DEPLOYMENT, item, _APPLY, **query)

    def fault(self, words: str) -> str:
        """What our client says of the rollout, once that has the words."""
        end, said = time.monotonic() + _PATIENCE, ""
        while words not in said and time.monotonic() < end:
            found = self.api.get(_DEPLOYMENT)
            assert found is not None
            said = rollout(self.api, found).fault
            time.sleep(0.1)
        return said

    def close(self) -> None:
        self._processes.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("plane"))
    yield made
    made.close()


@pytest.fixture
def chart() -> Obj:
    """The Deployment of our chart."""
    deployment: Obj = Rendered(install.helm(), values()).deployment
    return deployment


def test_a_host_port_that_is_there_twice_is_refused(cluster: Cluster, chart: Obj) -> None:
    containers = chart["spec"]["template"]["spec"]["containers"]
    containers.append({"name": "again", "image": "again", "ports": containers[0]["ports"][:1]})
    with pytest.raises(ApiError, match="Duplicate value"):
        cluster.apply(chart)


def test_a_quota_without_room_is_told_with_its_name(cluster: Cluster, chart: Obj) -> None:
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}}
    cluster.wire.ask("POST", f"{_NAMESPACE}/resourcequotas", quota)
    cluster.apply(chart)
    assert "exceeded quota: small" in cluster.fault("exceeded quota")
    cluster.wire.ask("DELETE", f"{_NAMESPACE}/resourcequotas/small")
    # without it the pods come: what is left to say is that no node takes them
    assert "no nodes available" in cluster.fault("no nodes available")


def test_another_selector_is_refused_on_a_release_that_is_there(cluster: Cluster, chart: Obj) -> None:
    cluster.apply(chart)
    for labels in (chart["spec"]["selector"]["matchLabels"], chart["spec"]["template"]["metadata"]["labels"]):
        labels["app.kubernetes.io/name"] = "another"
    with pytest.raises(ApiError, match="field is immutable"):
        cluster.apply(chart)
