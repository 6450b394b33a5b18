"""A workspace whose clusters are real, and what their API servers have noted of those who asked them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.plane.wire import Wire
from tests.sandbox.workspace import Workspace

Obj = dict[str, Any]
#: what others write while it runs is none of ours
_CHANGES = ("create", "update", "patch", "delete", "deletecollection")


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
    """``speed`` is that of the product's clock and of the pods."""

    module = "tests.real.plane.process"

    def plane(self) -> ControlPlane:
        """Of the cluster that was made last."""
        named = self._local.glob("planes/*/cluster")
        return ControlPlane(max(named, key=lambda path: path.stat().st_mtime).parent)


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

    def items(self, path: str) -> list[Obj]:
        found: list[Obj] = self.wire.ask("GET", path)["items"]
        return found
