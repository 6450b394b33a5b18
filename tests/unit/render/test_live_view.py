"""The live view: in 80 columns there is room for what each resource waits for, and every line stands on one row."""

from __future__ import annotations

import pytest

from livekit_deploy.events import Progress, RunStarted, Started
from livekit_deploy.render.live import LiveView
from livekit_deploy.render.screen import Screen
from tests.fakes import FakeClock

CLUSTER, REDIS = "eks.cluster/main", "elasticache.replication_group/redis-994d"


@pytest.mark.parametrize(("columns", "redis"), [(80, "elasticache.…/redis-994d"), (140, REDIS)])
def test_what_is_waited_for_can_be_read(columns: int, redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    clock = FakeClock()
    view = LiveView(Screen(), clock)
    view(RunStarted(command="up", env="uat", stages={"infrastructure": 45, "livekit": 9}, total=54))
    waits = {CLUSTER: "control plane: CREATING", REDIS: "creating, nodes 1/2"}
    for address, usual in ((CLUSTER, 540.0), (REDIS, 420.0)):
        view(Started(address=address, verb="create", stage="infrastructure", usual_s=usual))
    clock.advance(307)
    for address, detail in waits.items():
        view(Progress(address=address, verb="create", stage="infrastructure", detail=detail, elapsed_s=307, usual_s=1))
    lines = view.draw().plain.splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) <= columns
    assert lines[2].split("  ")[1].startswith(f"{CLUSTER}")
    assert lines[2].endswith("5m07s of about 9m control plane: CREATING")
    assert lines[3].lstrip().startswith(f"{redis} ")
    assert lines[3].endswith("5m07s of about 7m creating, nodes 1/2")
