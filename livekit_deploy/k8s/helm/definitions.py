"""The custom resource definitions of a chart, which helm makes at installation and never updates.

So they are compared whenever the release is read, by what helm's record has of the chart, and one that somebody
deleted or changed is brought back. What it defines is served a moment after it is established, by some API servers
later than by others. Sources: Helm documentation, "Custom Resource Definitions"; Kubernetes, "Custom Resources".
"""

from __future__ import annotations

from collections.abc import Iterable

from livekit_deploy.k8s.access.client import Api, Obj, leaving
from livekit_deploy.k8s.workload import drift, named

KIND = "CustomResourceDefinition"
_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Definitions:
    """The definitions that a chart wants, each with what is there of it."""

    def __init__(self, api: Api, wanted: Iterable[Obj]) -> None:
        self._api = api
        self.objects = [(item, api.get(f"{_PATH}/{item['metadata']['name']}")) for item in wanted]

    def waits(self, manifest: Iterable[Obj]) -> str:
        """What must happen by itself first, "" for nothing: one is being deleted, or not served yet."""
        for item, live in self.objects:
            if live is not None and leaving(live):
                return f"waiting for {named(item)} to go"
        there = {kind for item, live in self.objects if live is not None for kind in _kinds(item)}
        for item in manifest:
            kind = item["apiVersion"], item["kind"]
            if kind in there and self._api.path(*kind, None) is None:
                return f"waiting until the cluster serves {item['kind']}"
        return ""

    def bring(self, *, absent: bool = True, most: int | None = None) -> int:
        """Apply those that differ and, unless told otherwise, those that are ``absent``; how many it were."""
        due = [item for item, live in self.objects if (absent if live is None else any(drift(item, live, False)))]
        for item in due[:most]:
            self._api.apply(f"{_PATH}/{item['metadata']['name']}", item)
        if due:
            self._api.forget()
        return len(due[:most])


def broken(names: Iterable[str]) -> bool:
    """Whether a definition is among what is missing or has drifted."""
    return any(name.startswith(f"{KIND}/") for name in names)


def _kinds(definition: Obj) -> list[tuple[str, str]]:
    spec = definition["spec"]
    return [(f"{spec['group']}/{one['name']}", spec["names"]["kind"]) for one in spec["versions"] if one.get("served")]
