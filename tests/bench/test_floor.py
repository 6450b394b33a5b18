"""No call of a plan is made without a reason: the table on the page is what the plan of uat really asks."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from livekit_deploy.config import load_environment
from tests.bench.floor import BUDGET, FLOOR, named, to_aws, wrong
from tests.kill.helm import stand_in
from tests.kill.world import KillAccount, world
from tests.places import ROOT
from tests.sandbox.workspace import REGION

_SHIPPED = ROOT / "manifests" / "environments" / "uat.yaml"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KillAccount]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with world(tmp_path) as made, stand_in():
        yield made


@contextmanager
def _asked() -> Iterator[list[tuple[str, str]]]:
    """What leaves this process, by service and operation."""
    logger, made = logging.getLogger("livekit_deploy.base.call_log"), list[tuple[str, str]]()
    handler = logging.Handler()
    handler.emit = lambda record: made.append((vars(record)["service"], vars(record)["operation"]))  # type: ignore[method-assign]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield made
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_each_call_of_a_plan_without_change_has_its_reason(here: KillAccount) -> None:
    env = load_environment(here.environment(yaml.safe_load(_SHIPPED.read_text(encoding="utf-8"))), environ={})
    here.deployer(env, here.fresh).up()
    with _asked() as made:
        plan = here.deployer(env, here.clients()).plan()
    assert plan.changes == ()
    asked = Counter(named(*call) for call in made)
    lines = list(wrong(asked))
    assert not lines, "put into FLOOR of tests/bench/floor.py, then run make schema:\n" + "\n".join(lines)
    assert to_aws(asked) < BUDGET


def test_every_reason_says_something() -> None:
    assert [call for call, why in FLOOR.items() if len(why.reason.split()) < 3] == []


def test_a_call_without_a_reason_and_a_reason_without_a_call_are_told_with_the_line_to_write() -> None:
    asked = Counter({call: why.calls for call, why in FLOOR.items()})
    assert list(wrong(asked)) == []
    asked["ec2", "DescribeDhcpOptions"] += 1
    asked["iam", "GetRole"] += 1
    del asked["acm", "DescribeCertificate"]
    certificate, new, more = wrong(asked)
    assert "('acm', 'DescribeCertificate'): ...  # is not made" in certificate
    assert "('ec2', 'DescribeDhcpOptions'): Why(1, " in new
    assert "('iam', 'GetRole'): Why(4, " in more


def test_requests_to_a_cluster_are_told_apart_by_what_they_ask_for() -> None:
    for operation, what in (
        ("GET /api/v1", "a group of the API"),
        ("GET /apis/apps/v1", "a group of the API"),
        ("GET /api/v1/nodes", "nodes"),
        ("GET /api/v1/namespaces/livekit", "an object"),
        ("GET /api/v1/namespaces/livekit/pods", "pods"),
        ("GET /apis/apps/v1/namespaces/livekit/deployments/livekit", "an object"),
    ):
        assert named("kubernetes", operation) == ("kubernetes", f"GET {what}")
