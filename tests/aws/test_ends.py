"""How a run ends before it is done: another thread says so, or its time is over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.kinds.ec2.nat import ElasticIp
from livekit_deploy.errors import Interrupted, OutOfTime
from livekit_deploy.state.store import FileStore
from tests.fakes import FakeClock

Make = Callable[..., Deployer]


@pytest.fixture
def deployer(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Of one address; making it takes until the run is to end."""
    made: list[Deployer] = []
    then: Callable[[], None]
    create = ElasticIp.create

    def slow(item: ElasticIp, cloud: Any, token: str) -> str:
        id = create(item, cloud, token)
        then()
        assert made[0]._cancel.wait(60)
        return id

    monkeypatch.setattr(ElasticIp, "create", slow)

    def make(when_made: Callable[[], None] = lambda: None, **options: Any) -> Deployer:
        nonlocal then
        then = when_made
        path = tmp_path / "uat.yaml"
        path.write_text("region: us-east-1\nlivekit: {domain: livekit.example.com}\n")
        store = FileStore(tmp_path / "state.json", now=lambda: 1_000_000.0)
        env = load_environment(path, environ={})
        made.append(Deployer(env, resources=[ElasticIp("a")], store=store, clock=FakeClock(), **options))
        return made[0]

    return make


def test_a_run_that_is_cancelled_from_another_thread_records_what_it_made(deployer: Make) -> None:
    def cancel() -> None:
        threading.Thread(target=made.cancel).start()

    made = deployer(when_made=cancel)
    with pytest.raises(Interrupted, match=r"^stopped safely; what exists keeps costing money") as ended:
        made.up()
    assert ended.value.exit_code == 130
    assert [one.phase for one in made.status().records] == ["ready"]


def test_a_run_whose_time_is_over_says_so(deployer: Make) -> None:
    made = deployer(timeout=0.01)
    with pytest.raises(OutOfTime, match=r"^the time limit of 0\.01 s is over, stopped safely; what exists") as ended:
        made.up()
    assert ended.value.exit_code == 8
    assert "with more time" in ended.value.hint
