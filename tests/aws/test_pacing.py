"""The pace of calls: free until AWS asks to slow down, then as fast as it lets, and free again after a while."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from livekit_deploy.aws.access.pacing import GAIN, LEAST, Bucket, Pacing
from livekit_deploy.errors import Interrupted
from livekit_deploy.sandbox.faults import calls
from livekit_deploy.sandbox.faults.plan import current, parsed
from tests.aws.rig import AwsRig
from tests.fakes import FakeClock

LATENCY = 0.05  # seconds of a call: twenty a second when nothing else waits
LIMIT = 5


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def send(bucket: Bucket, clock: FakeClock) -> float:
    """One request, when its turn has come."""
    clock.advance(bucket.turn())
    sent = bucket.left()
    clock.advance(LATENCY)
    return sent


def test_nothing_waits_while_nothing_was_ever_throttled(clock: FakeClock) -> None:
    bucket = Bucket(clock)
    for _ in range(1000):
        assert bucket.turn() == 0.0
        bucket.left()
    assert bucket.rate is None


def test_a_throttling_answer_halves_the_rate_and_calls_keep_to_it(clock: FakeClock) -> None:
    bucket = Bucket(clock)
    sent = [send(bucket, clock) for _ in range(40)][-1]
    bucket.throttled(sent)
    halved = bucket.rate
    assert halved == pytest.approx(1 / LATENCY / 2, rel=0.2)
    began = clock.now()
    for _ in range(20):
        send(bucket, clock)
    assert 20 / (clock.now() - began) == pytest.approx(halved, rel=0.2)


def test_answers_to_what_left_before_it_slowed_down_do_not_halve_it_again(clock: FakeClock) -> None:
    bucket = Bucket(clock)
    together = [bucket.left() for _ in range(10)]  # ten in flight, all refused
    clock.advance(LATENCY)
    bucket.throttled(together[0])
    first = bucket.rate
    for sent in together[1:]:
        bucket.throttled(sent)
    assert bucket.rate == first
    clock.advance(10.0)
    bucket.throttled(send(bucket, clock))
    assert bucket.rate is not None
    assert first is not None
    assert bucket.rate < first + 10.5 * GAIN


def test_it_never_stops_and_recovers_slowly_until_it_is_free(clock: FakeClock) -> None:
    bucket = Bucket(clock)
    for _ in range(20):
        bucket.throttled(send(bucket, clock))
    slowest, began = bucket.rate, clock.now()
    assert slowest == LEAST
    while bucket.turn() > 0 or bucket.rate is not None:
        clock.advance(1.0)
    assert clock.now() - began > 1 / GAIN


def test_services_do_not_slow_each_other_down(clock: FakeClock) -> None:
    pacing = Pacing(clock)
    pacing.bucket("ec2").throttled(pacing.bucket("ec2").left())
    assert pacing.bucket("eks").rate is None


# ---- against an AWS that counts


@pytest.fixture
def limited(rig: AwsRig) -> Iterator[AwsRig]:
    """EC2 lets `LIMIT` calls a second pass, and every call takes a while; botocore's pauses do too."""
    current.now = rig.clock.now
    current.add([parsed({"fault": "throttling", "call": "ec2:*", "rate": LIMIT})])
    random.seed(1)
    pauses = SimpleNamespace(sleep=rig.clock.advance)
    try:
        with mock.patch("botocore.endpoint.time", pauses):
            yield rig
    finally:
        calls.clear()
        current.now = time.monotonic


def asked(rig: AwsRig, count: int) -> list[Any]:
    """So many reads, one after the other."""

    def takes(**_: Any) -> None:
        rig.clock.advance(LATENCY)

    rig.clients("ec2").meta.events.register("before-send", takes)
    return [rig.cloud.ec2.describe_vpcs()["Vpcs"] for _ in range(count)]


def struck() -> int:
    return int(current.listed()[0]["struck"])


def test_fewer_answers_are_throttled_than_without_it_and_the_result_is_the_same(
    limited: AwsRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    paced = asked(limited, 100)
    with_pace, took = struck(), limited.clock.now()
    calls.clear()
    current.add([parsed({"fault": "throttling", "call": "ec2:*", "rate": LIMIT})])
    monkeypatch.setattr(Bucket, "turn", lambda self: 0.0)
    assert [len(found) for found in paced] == [len(found) for found in asked(limited, 100)]
    without = struck()
    assert with_pace < without / 2, f"{with_pace} answers throttled, {without} without"
    assert took < 2 * 100 / LIMIT  # and it is no slower than twice what AWS lets


def test_a_wait_for_a_turn_ends_with_the_run(rig: AwsRig) -> None:
    bucket = rig.clients.pacing.bucket("ec2")
    for _ in range(3):
        bucket.throttled(bucket.left())
    rig.cancel.set()
    with pytest.raises(Interrupted):
        rig.cloud.ec2.describe_vpcs()
    assert rig.calls(mutating=False) == []
