"""A store must let one of several writers win, or it is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.state_bucket.bucket import ensure_bucket, probe_bucket
from livekit_deploy.aws.state_bucket.races import ROUNDS, WRITERS
from livekit_deploy.deployer import Deployer
from livekit_deploy.errors import StateError
from tests.aws.rig import AwsRig
from tests.aws.state_bucket.buckets import NAME, STEM
from tests.faults.rig import faults

# ---- whether it keeps two runs apart


def _deaf_to(condition: str) -> Callable[..., None]:
    def drop(params: dict[str, Any], **_: Any) -> None:
        params.pop(condition, None)

    return drop


@pytest.mark.parametrize("condition", ["IfMatch", "IfNoneMatch"])
def test_a_store_that_ignores_a_condition_is_refused(rig: AwsRig, condition: str) -> None:
    ensure_bucket(rig.cloud, NAME)
    rig.clients("s3").meta.events.register("provide-client-params.s3.PutObject", _deaf_to(condition))
    with pytest.raises(StateError, match=f"does not honour conditional writes: it let {WRITERS} of {WRITERS}"):
        probe_bucket(rig.cloud, NAME, STEM, fix=False)
    assert "Versions" not in boto3.client("s3").list_object_versions(Bucket=NAME)


def test_a_store_that_compares_and_then_writes_is_refused(rig: AwsRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other it refuses as it should; at one time it lets more than one win."""
    from moto.s3.models import S3Backend

    from livekit_deploy.sandbox.aws.s3 import corrections

    class Open:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    write, meeting = S3Backend.put_object, threading.Barrier(2)

    def slowly(*args: Any, **more: Any) -> Any:
        try:
            meeting.wait(0.2)
        except threading.BrokenBarrierError:
            meeting.reset()
        return write(*args, **more)

    ensure_bucket(rig.cloud, NAME)
    monkeypatch.setattr(corrections, "_writing", Open())
    monkeypatch.setattr(S3Backend, "put_object", slowly)
    with pytest.raises(StateError, match=rf"it let \d of {WRITERS} concurrent writers win"):
        probe_bucket(rig.cloud, NAME, STEM, fix=False)


def test_a_store_that_refuses_every_condition_is_refused(rig: AwsRig) -> None:
    ensure_bucket(rig.cloud, NAME)
    with (
        faults({"fault": "not-found", "call": "s3:PutObject", "code": "PreconditionFailed"}),
        pytest.raises(StateError, match="it refuses every one of them"),
    ):
        probe_bucket(rig.cloud, NAME, STEM, fix=False)


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_writers_that_are_all_told_to_try_again_race_again(rig: AwsRig, code: str) -> None:
    ensure_bucket(rig.cloud, NAME)
    with faults({"fault": "not-found", "call": "s3:PutObject", "code": code, "times": WRITERS, "after": 2 * WRITERS}):
        assert probe_bucket(rig.cloud, NAME, STEM, fix=False).text == "versioned, honours conditional writes"


def test_a_probe_that_may_not_be_deleted_is_a_note(rig: AwsRig) -> None:
    """Object Lock with a default retention refuses it for as long as that lasts."""
    ensure_bucket(rig.cloud, NAME)
    locked = {"fault": "denied", "call": "s3:DeleteObjectVersion", "message": "Access Denied because object protected"}
    with faults(locked):
        seen = probe_bucket(rig.cloud, NAME, STEM, fix=False)
    assert seen.text.startswith("versioned, honours conditional writes; the probe livekit-deploy/livekit/uat/probe/")
    assert "stays there: s3:DeleteObject: Access Denied because object protected" in seen.text
    assert len(boto3.client("s3").list_object_versions(Bucket=NAME)["Versions"]) == ROUNDS


def test_the_first_run_of_an_environment_proves_the_store_and_refuses_one_that_does_not_hold(
    rig: AwsRig, made: Deployer
) -> None:
    deaf = _deaf_to("IfMatch")
    made.cloud.clients("s3").meta.events.register("provide-client-params.s3.PutObject", deaf)
    with pytest.raises(StateError, match="does not honour conditional writes"):
        made.up()
    assert made.store.get() is None
    made.cloud.clients("s3").meta.events.unregister("provide-client-params.s3.PutObject", deaf)
    made.up()
    rig.calls()
    made.up()
    assert set(rig.calls()) == {"PutObject"}, "the lease, taken and given up: it is proven once"
