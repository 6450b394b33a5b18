"""A helm that waits until something ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from livekit_deploy.k8s.helm.charts import fetched
from livekit_deploy.k8s.helm.command import helm
from tests.k8s.rig import KubeRig, publish

WAITING = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {said: "{{ .Values.said }}"}}
    spec:
      nodeSelector: {none: such}
      containers: [{name: web, image: web}]
"""


@pytest.fixture
def arguments(rig: KubeRig, charts: Path) -> list[str]:
    """A helm that waits for a minute, unless something ends it."""
    chart = fetched(publish(charts, "web", {"web": WAITING}), "web", "1.0.0", None)
    runner = helm(rig.cloud, rig.lives)
    runner._refresh()
    waits = ["--wait", "--timeout", "60s", "--kubeconfig", str(runner._kubeconfig)]
    return ["upgrade", "--install", "web", str(chart), "--namespace", "default", "--values", "-", *waits]
