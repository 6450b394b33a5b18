"""What somebody else keeps in the cluster, in our namespace too, stays byte for byte, whatever our release does."""

from __future__ import annotations

import json
from pathlib import Path

from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.ownership_tags import LINEAGE_LABEL
from tests.k8s.helm.releases import ALL, release
from tests.k8s.rig import KubeRig, publish

#: as ours, but for the lineage
_LABELS = {"app.kubernetes.io/name": "web", LINEAGE_LABEL: "11111111-2222-3333-4444-555555555555"}


def _theirs(namespace: str) -> dict[str, Obj]:
    """path → object: what asks for load balancers, and what bears our names or labels."""
    port = {"name": "http", "port": 80, "targetPort": 8080}
    balanced = {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb", "ports": [port]}
    backend = {"service": {"name": "theirs", "port": {"number": 80}}}
    core, http = f"/api/v1/namespaces/{namespace}", f"/apis/networking.k8s.io/v1/namespaces/{namespace}"
    named = {"name": "theirs", "labels": _LABELS}
    held = {**named, "finalizers": ["service.k8s.aws/resources"]}
    return {
        f"{core}/services/theirs": {"apiVersion": "v1", "kind": "Service", "metadata": held, "spec": balanced},
        f"{core}/secrets/theirs": {"apiVersion": "v1", "kind": "Secret", "metadata": named, "data": {"a": "YQ=="}},
        f"{core}/configmaps/web": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {}},
        f"{http}/ingresses/theirs": {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {**named, "finalizers": ["ingress.k8s.aws/resources"]},
            "spec": {"ingressClassName": "alb", "defaultBackend": backend},
        },
    }


def test_what_others_keep_in_the_cluster_stays(rig: KubeRig, charts: Path) -> None:
    wanted = {path: item for name in ("theirs", "media") for path, item in _theirs(name).items()}
    for name in ("theirs", "media"):
        rig.api.apply(
            f"/api/v1/namespaces/{name}", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )
    for path, item in wanted.items():
        rig.api.apply(path, item)

    connection = rig.api  # the sandbox's cluster goes on after `down`

    def seen() -> dict[str, str]:
        return {path: json.dumps(connection.get(path), sort_keys=True) for path in wanted}

    before = seen()
    rig.marked(adopt=frozenset({"k8s.namespace/media"}))
    repo = publish(charts, "web", ALL)
    rig.up(release(rig, repo))
    assert seen() == before, "changed by up"
    rig.up(release(rig, repo, level="debug"))
    assert seen() == before, "changed by a change"
    rig.down()
    assert seen() == before, "changed by down"
