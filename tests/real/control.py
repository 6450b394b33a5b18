"""A workspace whose clusters are real, and what their API servers have noted of those who asked them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livekit_deploy.sandbox.server import FOLDER
from tests.real.plane.wire import Wire
from tests.sandbox.workspace import Done, Workspace

Obj = dict[str, Any]
#: what others write while it runs is none of ours
_NAMED = (
    *(f"/api/v1/{plural}" for plural in ("namespaces", "services", "secrets", "configmaps", "serviceaccounts")),
    *("/apis/apps/v1/deployments", "/apis/networking.k8s.io/v1/ingresses", "/apis/policy/v1/poddisruptionbudgets"),
    "/apis/networking.k8s.io/v1/ingressclasses",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    *(f"/apis/admissionregistration.k8s.io/v1/{one}webhookconfigurations" for one in ("mutating", "validating")),
)
_CHANGES = ("create", "update", "patch", "delete", "deletecollection")
#: where the sandbox of a workspace keeps its control planes
PLANES = FOLDER / "planes"


def newest(planes: Path) -> Path:
    """The folder of the control plane that was the last to get a cluster."""
    return max(planes.glob("*/cluster"), key=lambda path: path.stat().st_mtime).parent


@dataclass(frozen=True)
class Change:
    """A request that changed something, or was refused: as the API server's audit log has it."""

    verb: str
    path: str
    """With its query."""
    agent: str
    code: int
    body: Any
    annotations: dict[str, str]

    @property
    def by_helm(self) -> bool:
        return self.agent.startswith("Helm/")

    def __str__(self) -> str:
        return f"{self.verb} {self.path} ({self.agent.partition(' ')[0]}): {self.code}"


class RealWorkspace(Workspace):
    """``speed`` is that of the product's clock and of the pods, ``before`` what there is before anything is made."""

    module, forks = "tests.real.plane.process", False

    def __init__(self, folder: Path, speed: float = 10.0) -> None:
        super().__init__(folder, speed)
        #: where its commands die (`dying`); "" for nowhere
        self.death = ""
        self.passed = folder / "boundaries"
        self.before = self.inventory()

    def command(self, *arguments: str) -> list[str]:
        if not self.death:
            return super().command(*arguments)
        return [sys.executable, "-m", "tests.real.dying", str(self.passed), self.death, *arguments]

    def end(self, process: subprocess.Popen[str], *, seconds: float = 900.0) -> Done:
        return super().end(process, seconds=seconds)

    def plane(self) -> ControlPlane:
        """Of the cluster that was made last."""
        return ControlPlane(newest(self.folder / PLANES))


class ControlPlane:
    """Seen through what it writes into ``folder``, and by an administrator's certificate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        config = json.loads((folder / "admin.kubeconfig").read_text(encoding="utf-8"))
        self.wire = Wire(config["clusters"][0]["cluster"]["server"], folder)

    def audited(self) -> list[Obj]:
        """Every request of those who came with a token of EKS."""
        lines = (self.folder / "audit.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def changes(self, since: int = 0) -> list[Change]:
        """Of the requests after so many."""
        return [
            Change(
                event["verb"],
                event["requestURI"],
                event.get("userAgent", ""),
                event.get("responseStatus", {}).get("code", 0),
                event.get("requestObject"),
                event.get("annotations") or {},
            )
            for event in self.audited()[since:]
            if event["verb"] in _CHANGES and event["stage"] == "ResponseComplete"
        ]

    def held(self) -> dict[str, list[str]]:
        """What was in it when EKS took it down, by plural and group; waits until that is known."""
        path = self.folder / "held.json"
        self.until(path.exists)
        found: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def until(self, met: Callable[[], bool], seconds: float = 300.0) -> None:
        """Wait for it."""
        end = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < end, "it never came"
            time.sleep(0.1)

    def objects(self) -> set[str]:
        """What is in it by a name that somebody gave it."""
        return {
            f"{path.rpartition('/')[2]} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
            for path in _NAMED
            for item in self.items(path)
            if item.get("type") != "helm.sh/release.v1"
        }

    def items(self, path: str) -> list[Obj]:
        found: list[Obj] = self.wire.ask("GET", path)["items"]
        return found
