"""`down` when the cluster's API is dead: it fails and says how to go on, and then goes on without it."""

from __future__ import annotations

from typing import Any

import pytest

from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.resource import Live, Resource, Status
from livekit_deploy.errors import ResourceError
from livekit_deploy.k8s.objects import Namespace, Secret
from tests.k8s.rig import Host, KubeRig, Named


class HeldNamespace(Namespace):
    """As a release: to be gone before its host goes, and stored in it."""

    kind = "test.held"
    dies_with_host = False


def _declared(rig: KubeRig) -> list[Resource]:
    """balancers came after what is in the cluster, and that is outlived by nodes and the cluster."""
    rig.eks.secrets = {("keys", "v1"): "k: s"}
    nodes = Named("nodes", out="x", after=[rig.host])
    space = HeldNamespace("media", lives_in=rig.host, after=[nodes])
    values = {"keys": SecretRef("arn:x", "keys", "v1")}
    secret = Secret("keys", namespace="media", values=values, lives_in=rig.host, after=[space])
    return [rig.host, nodes, space, secret, Named("balancers", out="x", after=[secret])]


def test_down_goes_on_without_a_dead_cluster_in_the_same_order(rig: KubeRig, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    present: dict[str, Live] = {}
    remove = Host.delete

    def delete(item: Named, cloud: Any, live: Live) -> None:
        gone.append(item.name)
        present.pop(item.name)

    def read(item: Named, cloud: Any, id: str | None) -> Live | None:
        return present.get(item.name)

    def create(item: Named, cloud: Any, token: str) -> str:
        present[item.name] = Live(item.name, Status.READY, {"out": item.out}, {"value": item.out})
        return item.name

    def delete_host(item: Host, cloud: Any, live: Live) -> None:
        gone.append(item.name)
        remove(item, cloud, live)

    for name, method in {"delete": delete, "read": read, "create": create}.items():
        monkeypatch.setattr(Named, name, method)
    monkeypatch.setattr(Host, "delete", delete_host)
    rig.up(_declared(rig))
    rig.cluster.stop()
    with pytest.raises(ResourceError, match="cannot be reached") as raised:
        rig.down()
    assert "--abandon-cluster-objects" in raised.value.hint
    assert "test.cluster/main" in rig.records
    rig.down(abandon=True)
    assert rig.records == {}
    assert gone == ["balancers", "nodes", "main"]
