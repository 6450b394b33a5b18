"""The sandbox's API server answers what a real kube-apiserver answered to the same requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from tests.k8s.api.wire import MAPS, ask, config
from tests.k8s.asked import ANSWERS, answers
from tests.k8s.rig import KubeRig, Sky


@pytest.fixture
def alone(rig: KubeRig) -> Iterator[KubeRig]:
    """An API server without any controllers."""
    cluster = Cluster(Sky(), SandboxClock())
    cluster._front.start()
    assert rig.eks.host is not None
    rig.eks.host.outputs.update(endpoint=cluster.endpoint, ca=cluster.ca_data)  # type: ignore[attr-defined]
    yield rig
    cluster.stop()


def test_the_sandbox_answers_as_a_real_server(alone: KubeRig) -> None:
    def asked(method: str, path: str, body: Any, type: str) -> tuple[int, Mapping[str, str], str]:
        said = ask(alone, method, path, body, Content_Type=type)
        return said.status, said.headers, said.text

    assert answers(asked) == json.loads(ANSWERS.read_text(encoding="utf-8"))


def test_a_list_in_pages_is_the_whole_list(alone: KubeRig) -> None:
    names = [f"p{number}" for number in range(5)]
    for name in names:
        ask(alone, "POST", MAPS, config(name))
    found, left, token = list[str](), list[int | None](), ""
    while len(left) < 3:
        listed = ask(alone, "GET", f"{MAPS}?limit=2&continue={token}").item
        found += [item["metadata"]["name"] for item in listed["items"]]
        left.append(listed["metadata"].get("remainingItemCount"))
        token = listed["metadata"].get("continue", "")
    assert (found, left) == (names, [3, 1, None])
