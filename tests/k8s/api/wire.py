"""What the tests ask the sandbox's API server over the wire."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livekit_deploy.k8s.access.client import Obj
from tests.k8s.rig import TOKEN, KubeRig

NAMESPACE = "/api/v1/namespaces/default"
MAPS, PODS = f"{NAMESPACE}/configmaps", f"{NAMESPACE}/pods"


@dataclass(frozen=True)
class Said:
    """What went over the wire."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def item(self) -> Obj:
        found: Obj = json.loads(self.text)
        return found


def ask(rig: KubeRig, method: str, path: str, body: Any = None, **headers: str) -> Said:
    """One request as any client makes it; header names are written with underscores."""
    outputs = rig.lives.outputs
    sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(outputs["endpoint"] + path, data, sent, method=method)
    context = ssl.create_default_context(cadata=base64.b64decode(outputs["ca"]).decode())
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return Said(answer.status, dict(answer.headers), answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Said(error.code, dict(error.headers), error.read().decode())


def config(name: str, **labels: str) -> Obj:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}
