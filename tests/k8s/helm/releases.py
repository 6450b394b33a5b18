"""A release of a small chart, with what a test changes of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import ResourceError
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.helm import process
from livekit_deploy.k8s.helm.command import helm, release_values
from livekit_deploy.k8s.helm.record import ReleaseRecord, read_release
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace
from tests.k8s.rig import KubeRig

LEASE = 27.0  # seconds of the rig's lease: 12 × 9/4
HERE = "/api/v1/namespaces/media"
DEPLOYMENT = "/apis/apps/v1/namespaces/media/deployments/web"
LABELS = {"app.kubernetes.io/instance": "web"}


def config_map(name: str = "settings") -> Obj:
    data = {"level": "{{ .Values.level }}"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": LABELS}, "data": data}


def deployment(**more: Any) -> Obj:
    template = {
        "metadata": {"labels": LABELS, "annotations": {"level": "{{ .Values.level }}"}},
        "spec": {"containers": [{"name": "web", "image": "web:1", "resources": {"requests": {"cpu": "0.5"}}}], **more},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template, "paused": False}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": dict(LABELS)},
        "spec": spec,
    }


def service() -> Obj:
    spec = {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": dict(LABELS)}, "spec": spec}


def release(rig: KubeRig, repo: str, version: str = "1.0.0", **values: Any) -> list[Resource]:
    namespace = Namespace("media", lives_in=rig.host)
    made = HelmRelease(
        "web",
        namespace="media",
        chart="web",
        repo=repo,
        version=version,
        values={"level": "info", **values},
        lives_in=rig.host,
        after=[namespace],
    )
    return [rig.host, namespace, made]


def record(rig: KubeRig) -> ReleaseRecord:
    found = read_release(rig.api, "media", "web")
    assert found is not None
    return found


def level(rig: KubeRig) -> str:
    return str((rig.api.get(f"{HERE}/configmaps/settings") or {})["data"]["level"])


def out_of_band(rig: KubeRig, chart: Path, *arguments: str, values: Mapping[str, Any] | None = None) -> None:
    """Somebody runs helm with the same kubeconfig."""
    runner = helm(rig.cloud, rig.lives)
    runner._refresh()
    text = repr(dict(values or {"level": "info"})).encode()
    command = ["upgrade", "--install", "web", str(chart), "--namespace", "media", "--values", "-", *arguments]
    runner._binary.run([*command, "--kubeconfig", str(runner._kubeconfig)], text, 60)


ALL = {"map": config_map(), "deployment": deployment(), "service": service()}


# ---- runs that were interrupted


def interrupted(rig: KubeRig, chart: Path, level: str) -> None:
    """A helm of ours that is killed while it is at it."""
    values = release_values({"level": level}, {"lineage": rig.cloud.ownership.lineage, "address": "helm.release/web"})

    def run() -> None:
        with pytest.raises(ResourceError):
            out_of_band(rig, chart, "--wait", "--timeout", "60s", values=values)

    thread = threading.Thread(target=run)
    thread.start()
    rig.wait(lambda: (found := read_release(rig.api, "media", "web")) and found.status.startswith("pending"))
    for group in list(process._running):
        process._signal(group, signal.SIGKILL)
    thread.join()
