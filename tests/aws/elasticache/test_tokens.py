"""The token of Redis: in no record, rotated in, and ended when no pod has it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto.elasticache.models import elasticache_backends

from livekit_deploy.engine.plan import Action
from livekit_deploy.errors import Blocked
from livekit_deploy.sandbox.aws.elasticache.store import store_of
from tests.aws.elasticache.groups import TOKEN, described, redis, secret
from tests.aws.rig import AwsRig


def test_the_token_is_in_no_record_and_no_description(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    assert TOKEN not in repr(rig.records)
    assert TOKEN not in described()["Description"]


def test_a_new_token_is_rotated_in(rig: AwsRig, ids: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rig.up(redis(ids))
    ids["token"] = secret("2", ids["token"].arn)
    (change,) = rig.plan(redis(ids)).changes
    assert change.action is Action.UPDATE
    assert [(diff.path, diff.secret) for diff in change.diffs] == [("auth_token", True)]
    rig.calls()
    rig.up(redis(ids))
    assert rig.calls() == ["ModifyReplicationGroup"] * 2
    assert rig.plan(redis(ids)).changes == ()


def tokens() -> tuple[str, ...]:
    """Those that Redis takes; "" for none."""
    (group,) = store_of(elasticache_backends["123456789012"]["us-east-1"]).groups.values()
    return group.tokens


def test_an_old_token_ends_when_no_pod_has_it(rig: AwsRig, ids: dict[str, Any]) -> None:
    """Both are good while calls drain, however often it runs; then the old one is ended, once."""
    holding = "1 pod has an earlier one, and drain calls until 2026-11-30T14:05:00Z"
    rig.up(redis(ids))
    rig.bound(other_holders=lambda secret, version: "")
    present, ids["token"] = ids["token"], secret("2", ids["token"].arn)
    assert tokens() == (TOKEN + "1",)

    rig.plan(redis(ids))
    rig.bound(other_holders=lambda secret, version: "" if version == present.version else holding)
    for calls in (["ModifyReplicationGroup"], []):
        rig.calls()
        rig.up(redis(ids))
        assert rig.calls() == calls
        assert tokens() == (TOKEN + "1", TOKEN + "2")
        plan = rig.plan(redis(ids))
        assert plan.changes == ()
        (said,) = plan.unfinished.values()
        assert "the previous token stays valid" in said
        assert holding in said

    rig.bound(other_holders=lambda secret, version: "")
    (change,) = rig.plan(redis(ids)).changes
    assert [(diff.path, diff.before, diff.after) for diff in change.diffs] == [("old_token", True, False)]
    rig.up(redis(ids))
    assert rig.calls() == ["ModifyReplicationGroup"]
    assert tokens() == (TOKEN + "2",)
    rig.up(redis(ids))
    assert rig.calls() == []


def test_a_second_rotation_before_the_first_has_ended_keeps_the_newer_two(rig: AwsRig, ids: dict[str, Any]) -> None:
    rig.up(redis(ids))
    holders = dict[str, str]()
    rig.bound(other_holders=lambda secret, version: holders.get(version, "1 pod has an earlier one"))
    holders[ids["token"].version] = ""
    for value in ("2", "3"):
        ids["token"] = secret(value, ids["token"].arn)
        rig.up(redis(ids))
        holders[previous(rig)] = ""  # its pods have followed, but nobody ran `up`
    assert tokens() == (TOKEN + "2", TOKEN + "3")
    rig.up(redis(ids))
    assert tokens() == (TOKEN + "3",)


def previous(rig: AwsRig) -> str:
    return str(described()["Description"].split(" token ")[1].split()[0])


def test_auth_that_somebody_switched_is_not_fought_over(rig: AwsRig, ids: dict[str, Any]) -> None:
    """ElastiCache takes a token away for user groups only, and puts AUTH back only by hand."""
    rig.up(redis(ids))
    boto3.client("elasticache").modify_replication_group(
        ReplicationGroupId=described()["ReplicationGroupId"],
        AuthTokenUpdateStrategy="DELETE",
        UserGroupIdsToAdd=["theirs"],
        ApplyImmediately=True,
    )
    (change,) = rig.plan(redis(ids)).changes
    assert change.action is Action.BLOCKED
    assert "user groups" in change.hint


def test_a_token_is_not_rotated_twice_under_pods_with_the_one_before(rig: AwsRig, ids: dict[str, Any]) -> None:
    """Redis would forget the token of those that drain calls; what else differs is not refused."""
    asked = list[tuple[str, str]]()

    def others(secret: str, version: str) -> str:
        asked.append((secret, version))
        return "2 pods have an earlier one, and drain calls until 2026-11-30T14:05:00Z"

    rig.up(redis(ids))
    rig.bound(other_holders=others)
    assert rig.plan(redis(ids)).changes == ()
    assert rig.plan(redis(ids, node_type="cache.m7g.large")).changes[0].action is Action.UPDATE
    assert asked == [], "nobody asks the cluster unless the token changes"

    present, ids["token"] = ids["token"].version, secret("2", ids["token"].arn)
    (change,) = rig.plan(redis(ids)).changes
    assert (change.action, change.reason) == (Action.BLOCKED, "it cannot be changed yet")
    assert "drain calls until 2026-11-30T14:05:00Z: they would lose Redis" in change.hint
    rig.calls()
    with pytest.raises(Blocked, match="auth_token cannot change"):
        rig.up(redis(ids))
    assert rig.calls() == []
    assert set(asked) == {("redis", present)}

    rig.bound(other_holders=lambda secret, version: "")
    rig.up(redis(ids))
    assert rig.calls() == ["ModifyReplicationGroup"] * 2
