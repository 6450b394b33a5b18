"""The acceptance, rehearsed on a real control plane: what is in the cluster is what a real API server makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.acceptance.rehearsal import folder, made_since, run, steps
from tests.real.control import RealWorkspace


@pytest.fixture
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWorkspace]:
    made = RealWorkspace(tmp_path_factory.mktemp("real"))
    try:
        yield made
    finally:
        made.stop()


def test_a_whole_life_is_as_it_should_be_and_recorded(here: RealWorkspace) -> None:
    _, report = run(here, "--yes", code=0)
    assert "**all is well; nothing is left**" in report
    assert {cells[5] for cells in steps(report).values()} == {"✔"}
    records = sorted(folder(here).glob("*.jsonl"))
    assert len(records) == len(steps(report))
    calls = [json.loads(line) for path in records for line in path.read_text(encoding="utf-8").splitlines()]
    assert {"eks.CreateCluster", "elasticache.DeleteReplicationGroup"} <= {
        f"{one['service']}.{one['operation']}" for one in calls if one["type"] == "call"
    }
    assert made_since(here, here.before) == {}
    held = here.plane().held()
    assert held["ingresses.networking.k8s.io"] + held["deployments.apps"] == []
